"""Reminders by hand, beside the reminder jobs, each at most once a day.

An administrator reminds a person of the terms or of an unacknowledged passphrase. The requester or an
administrator reminds the approvers of a request.
"""

import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.prepared_queries import Statement
from identity_manager import audit
from identity_manager.mail import deduplication, outbox
from identity_manager.mail.messages import request_messages, token_messages
from identity_manager.models import (
    AskedApprover,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow.policy import approvers, eligibility
from identity_manager.workflow.requests import approver_escalation

NOTHING_TO_REMIND = Reason(
    "nothing-to-remind", _("This request does not wait for its person: there is nothing to remind them of.")
)
NOBODY_WAITED_FOR = Reason(
    "no-approver-to-remind", _("This request waits for no approver who was asked: there is nobody to remind.")
)
APPROVERS_REMINDED_TODAY = Reason("approvers-reminded-today", _("The approvers were reminded of this today."))
NOT_THE_ASKER = Reason(
    "not-asker-nor-administrator",
    _("Only who asked for this, or a Software Token Administrator, reminds its approvers."),
)
REMINDED_TODAY = Reason("reminded-today", _("The person was reminded of this today."))

_TO_BE_NOTED = Statement[SoftwareToken](
    lambda request: (
        SoftwareToken.objects.to_be_noted().filter(request=request).defer("passphrase_wrapped").order_by("pk")
    ),
    request=TokenRequest._meta.pk,
)


def obstacle(request: TokenRequest) -> Reason | None:
    """Why the person of this request cannot be reminded now, or None."""
    if not request.person.is_active:
        return eligibility.person_obstacle(request.person)
    waiting = _waiting(request)
    if not waiting:
        return NOTHING_TO_REMIND
    return REMINDED_TODAY if outbox.known(list(waiting)) >= set(waiting) else None


def remind(*, actor: Person, request_id: uuid.UUID) -> TokenRequest:
    """Mail the person a reminder of terms or passphrases, once a day. Raises NotAllowed, or Stale."""
    with transaction.atomic():
        request = locking.request(request_id)
        administers = eligibility.administers(actor, request.person)
        require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(obstacle(request), kind=Stale)

        waiting = _waiting(request)
        mailed = outbox.known(list(waiting))
        for occasion, token in waiting.items():
            if occasion not in mailed:
                outbox.enqueue(_mail(request, token, occasion), by_sweep=True)
        audit.record(audit.Event.REQUEST_REMINDED, actor=actor, subject=request)
        return request


def _waiting(request: TokenRequest) -> dict[str, SoftwareToken | None]:
    """By today's deduplication key, what to remind of: terms (None), or tokens with a passphrase to note."""
    day = timezone.localdate()
    if request.is_unaccepted:
        return {deduplication.by_hand("acceptance-reminder", request.pk, day): None}
    tokens = _TO_BE_NOTED.rows(request=request.pk)
    return {deduplication.by_hand("passphrase-reminder", token.pk, day): token for token in tokens}


def _mail(request: TokenRequest, token: SoftwareToken | None, occasion: str) -> OutgoingMail:
    if token is None:
        return request_messages.acceptance_reminder(request, occasion=occasion)
    token.request, token.person = request, request.person
    return token_messages.passphrase_reminder(token, occasion=occasion)


def approvers_obstacle(request: TokenRequest) -> Reason | None:
    """Why the approvers of this request cannot be reminded now, or None."""
    waiting = _approvers_waited_for(request)
    if not waiting:
        return NOBODY_WAITED_FOR
    return APPROVERS_REMINDED_TODAY if outbox.known([_occasion(row) for row in waiting]) else None


def reminds_approvers(*, actor: Person, request: TokenRequest) -> bool:
    """Whether the actor may remind the approvers: the requester, or an administrator."""
    asked = actor.is_active and request.was_asked_for_by(actor)
    return asked or eligibility.administers(actor, request.person)


def remind_approvers(*, actor: Person, request_id: uuid.UUID) -> TokenRequest:
    """Mail the approvers who were asked and have not decided, once a day. Raises NotAllowed, or Stale."""
    with transaction.atomic():
        request = locking.request(request_id)
        require(reminds_approvers(actor=actor, request=request), else_=NOT_THE_ASKER, kind=NotAllowed)
        refuse(approvers_obstacle(request), kind=Stale)

        for row in _approvers_waited_for(request):
            mail = request_messages.approval_reminder(request, row, occasion=_occasion(row))
            outbox.enqueue(mail, by_sweep=True)
            row.reminded_at = timezone.now()
            row.save()
        audit.record(audit.Event.REQUEST_APPROVERS_REMINDED, actor=actor, subject=request)
        return request


def _approvers_waited_for(request: TokenRequest) -> list[AskedApprover]:
    """Approvers who were asked, can still decide and have not postponed, in a fixed order."""
    if not request.awaits_decision:
        return []
    away = request.postponers(timezone.now())
    can_decide = set(approvers.undecided_approvers(request).values_list("pk", flat=True)) - away
    rows = approver_escalation.asked_approvers(request)
    return sorted((row for row in rows if row.approver_id in can_decide), key=lambda row: row.approver_id)


def _occasion(row: AskedApprover) -> str:
    return deduplication.by_hand("approval-reminder", row.pk, timezone.localdate())
