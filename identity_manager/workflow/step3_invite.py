"""Step 3: the person gets the role Self-Service User and an information mail."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from identity_manager import audit, outbox
from identity_manager.mail import messages
from identity_manager.models import Person, Role, RoleAssignment, TokenRequest


def invite(request: TokenRequest, *, actor: Person) -> None:
    """Send the approved request to its person, in the caller's transaction, person and request locked."""
    request.invite(accept_before=timezone.now() + timedelta(days=settings.ACCEPTANCE_DAYS))
    request.save()
    _role, created = RoleAssignment.objects.get_or_create(
        person=request.person,
        role=Role.SELF_SERVICE_USER,
        organisational_unit="",
        defaults={"assigned_by": actor},
    )
    outbox.enqueue(messages.information(request))
    if created:
        audit.record(
            audit.Event.ROLE_ASSIGNED, actor=actor, subject=request.person, role=Role.SELF_SERVICE_USER.value
        )
    audit.record(audit.Event.REQUEST_INVITED, actor=actor, subject=request)
