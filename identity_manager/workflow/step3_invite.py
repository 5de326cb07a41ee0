"""Step 3: the person gets the role Self-Service User and an information mail."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import batch_messages, request_messages
from identity_manager.models import (
    AuditEvent,
    BatchOrder,
    OutgoingMail,
    Person,
    Role,
    RoleAssignment,
    TokenRequest,
)


@dataclass(frozen=True)
class Invitation:
    """Rows to be written with an invitation: Self-Service role if missing, mail, events."""

    roles: list[RoleAssignment]
    mail: OutgoingMail
    events: list[AuditEvent]


def invite(request: TokenRequest, *, actor: Person | None) -> None:
    """Invite the person of an approved request; the caller has locked person and request."""
    invitation = prepare_invitation(request, actor=actor)
    given = request.approvals.filter(round=request.round).count() if request.approvals_needed else 0
    if given > request.approvals_needed:  # invited before, by an approval that was withdrawn since
        invitation.mail.occasion += f":{given}"
    request.save()
    write_roles(invitation.roles)
    outbox.enqueue(invitation.mail)
    audit.append(invitation.events)


def prepare_invitation(request: TokenRequest, *, actor: Person | None) -> Invitation:
    """Transition the request and build the rows; writes nothing."""
    request.invite(accept_before=timezone.now() + timedelta(days=settings.ACCEPTANCE_DAYS))
    role = Role.SELF_SERVICE_USER
    lacks_it = not request.person.has_role(role, unit="")
    roles = [RoleAssignment(person=request.person, role=role, assigned_by=actor)] if lacks_it else []
    events = [
        audit.event_about(audit.Event.ROLE_ASSIGNED, actor=actor, subject=each.person, role=role.value)
        for each in roles
    ]
    invited = audit.event_about(audit.Event.REQUEST_INVITED, actor=actor, subject=request)
    return Invitation(roles, request_messages.information(request), [*events, invited])


def write_roles(roles: Iterable[RoleAssignment]) -> None:
    """Insert the roles, replacing ended and future ones."""
    RoleAssignment.objects.bulk_create(
        list(roles),
        update_conflicts=True,
        unique_fields=["person", "role", "organisational_unit"],
        update_fields=["assigned_by", "valid_from", "valid_until"],
    )


def conclude(request: TokenRequest, *, actor: Person | None) -> None:
    """The request is approved: invite its person, in the caller's transaction."""
    request.approve(now=timezone.now())
    request.save()
    if request.approvals_needed and request.requested_by_id != request.person_id:
        order = BatchOrder.objects.of_request(request)
        today = str(timezone.localdate())
        outbox.enqueue(
            batch_messages.batch_approved(order, key=today) if order else request_messages.approved(request)
        )
    invite(request, actor=actor)
