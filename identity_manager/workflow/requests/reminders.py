"""What time brings: reminders before something lapses, of decisions that wait, and postponed tasks' return.

Each verb may run on any number of nodes at once: a row that has moved on is left alone, and a mail is sent
once for its occasion.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from identity_manager import audit
from identity_manager.mail import deduplication, messages, outbox
from identity_manager.models import BatchOrder, OutgoingMail, Person, SoftwareToken, TokenRequest
from identity_manager.transactions import locking, retry_later
from identity_manager.workflow.policy import approvers
from identity_manager.workflow.policy.deciders import Deciders
from identity_manager.workflow.requests import approver_escalation

AT_ONCE = 200


def remind_of_acceptance() -> int:
    """Remind persons who have not accepted the terms yet; returns how many mails that made."""
    now = timezone.now()
    horizon = now + timedelta(days=max(settings.ACCEPTANCE_REMINDER_DAYS, default=0))
    rows = TokenRequest.objects.awaiting_acceptance().filter(accept_before__range=(now, horizon))
    by_deadline = rows.order_by("accept_before", "pk").iterator(chunk_size=AT_ONCE)
    occasion_of = ((request.pk, _acceptance_occasion(request, now)) for request in by_deadline)
    return retry_later.for_each_isolated(_not_told(occasion_of), remind_to_accept)


def remind_to_accept(request_id: uuid.UUID) -> bool:
    """Remind the person of one request, if one of the moments for it has come; whether a mail was made."""
    with transaction.atomic():
        request = locking.request(request_id)
        now = timezone.now()
        waits = TokenRequest.objects.awaiting_acceptance().filter(pk=request_id).exists()
        days = _days_to_accept(request, now)
        if not waits or days is None or not request.person.is_active:
            return False
        if _is_sent(deduplication.acceptance_reminder(request, days=days)):
            return False
        outbox.enqueue(messages.acceptance_reminder(request, days=days), by_sweep=True)
        return True


def _acceptance_occasion(request: TokenRequest, now: datetime) -> str:
    days = _days_to_accept(request, now)
    return "" if days is None else deduplication.acceptance_reminder(request, days=days)


def _days_to_accept(request: TokenRequest, now: datetime) -> int | None:
    thresholds = settings.ACCEPTANCE_REMINDER_DAYS
    return days_before(request.accept_before, thresholds, since=request.decided_at, now=now)


def remind_of_passphrases() -> int:
    """Remind persons whose passphrase will be destroyed unseen; returns how many mails that made."""
    now = timezone.now()
    horizon = now + timedelta(days=max(settings.PASSPHRASE_REMINDER_DAYS, default=0))
    rows = SoftwareToken.objects.with_unacknowledged_passphrase()
    rows = rows.filter(passphrase_destroy_at__range=(now, horizon))
    by_deadline = rows.order_by("passphrase_destroy_at", "pk").iterator(chunk_size=AT_ONCE)
    occasion_of = ((token.pk, _passphrase_occasion(token, now)) for token in by_deadline)
    return retry_later.for_each_isolated(_not_told(occasion_of), remind_to_note)


def remind_to_note(token_id: uuid.UUID) -> bool:
    """Remind the owner of one passphrase, if one of the moments for it has come; whether a mail was made."""
    with transaction.atomic():
        token = locking.token(token_id)
        now = timezone.now()
        days = _days_to_note(token, now)
        if token.passphrase_wrapped is None or days is None or not token.person.is_active:
            return False
        if _is_sent(deduplication.passphrase_reminder(token, days=days)):
            return False
        outbox.enqueue(messages.passphrase_reminder(token, days=days), by_sweep=True)
        return True


def _passphrase_occasion(token: SoftwareToken, now: datetime) -> str:
    days = _days_to_note(token, now)
    return "" if days is None else deduplication.passphrase_reminder(token, days=days)


def _days_to_note(token: SoftwareToken, now: datetime) -> int | None:
    thresholds = settings.PASSPHRASE_REMINDER_DAYS
    return days_before(token.passphrase_destroy_at, thresholds, since=token.sealed_at, now=now)


def _not_told(occasion_of: Iterable[tuple[uuid.UUID, str]]) -> Iterator[uuid.UUID]:
    """The rows whose moment has come (they have an occasion), and which nobody was told of yet.

    After a batch order thousands of persons have been told, and wait on: none of them is locked to see it.
    """
    rows = iter(occasion_of)
    while some := dict(islice(rows, AT_ONCE)):
        told = set(OutgoingMail.objects.filter(occasion__in=some.values()).values_list("occasion", flat=True))
        yield from (pk for pk, occasion in some.items() if occasion and occasion not in told)


def days_before(
    end: datetime | None, thresholds: Sequence[int], *, since: datetime | None, now: datetime
) -> int | None:
    """The nearest threshold, in days before the end, that has come; None where none has.

    One that lay before the wait began is none: who has ten days is not reminded fourteen days before.
    """
    if end is None or end <= now:
        return None
    moments = {days: end - timedelta(days=days) for days in thresholds}
    come = [days for days, moment in moments.items() if moment <= now and (not since or since < moment)]
    return min(come, default=None)


def return_all_postponed() -> int:
    """Bring back the requests whose postponement has ended; returns how many there were."""
    rows = TokenRequest.objects.to_come_back(timezone.now()).order_by("postponed_until", "pk")
    return retry_later.for_each_isolated(rows.values_list("pk", flat=True), return_postponed)


def return_postponed(request_id: uuid.UUID) -> bool:
    """Put one request into the queue again and remind who postponed it. Does nothing before its time."""
    with transaction.atomic():
        request = locking.request(request_id)
        now = timezone.now()
        if not request.comes_back(now):
            return False
        reminded = _whom_to_remind(request)

        for approver in reminded:
            outbox.enqueue(messages.approval_back(request, approver))
        request.postponed_until = request.postponed_by = None
        request.save()
        request.asked_approvers.filter(round=request.round).update(waits_from=now, reminded_at=None)
        audit.record(audit.Event.REQUEST_RETURNED, actor=None, subject=request)
        return True


def _whom_to_remind(request: TokenRequest) -> list[Person]:
    """Who postponed it; where they cannot decide any more, whoever was asked and can."""
    can_decide = {person.pk: person for level in approvers.approver_levels(request) for person in level}
    if request.postponed_by_id in can_decide:
        return [can_decide[request.postponed_by_id]]
    return [
        row.approver for row in approver_escalation.asked_approvers(request) if row.approver_id in can_decide
    ]


def escalate_all_undecided() -> int:
    """Remind approvers, and ask others where nobody decides; returns how many requests that was about."""
    return retry_later.for_each_isolated(
        _left_waiting(timezone.now()), lambda pk: escalate_undecided(request_id=pk)
    )


def _left_waiting(now: datetime) -> Iterator[uuid.UUID]:
    """The requests that somebody is to be asked, reminded or told about.

    After a batch order thousands wait for their approval: none of the others is locked to see it.
    """
    deciders = Deciders()
    rows = TokenRequest.objects.awaiting_decision(now).order_by("created_at", "pk")
    rows = rows.select_related("person").prefetch_related("asked_approvers", "approvals")
    for request in rows.iterator(chunk_size=AT_ONCE):
        if approver_escalation.is_due(request, deciders, now=now):
            yield request.pk


def escalate_undecided(*, request_id: uuid.UUID) -> bool:
    """Remind who was asked to decide on one request and has not; ask others where that did not help.

    False, and nothing done, where nobody has to decide any more.
    """
    with transaction.atomic():
        request = locking.request(request_id)
        now = timezone.now()
        if not TokenRequest.objects.awaiting_decision(now).filter(pk=request_id).exists():
            return False
        approver_escalation.ask_approvers(request, now=now)
        _remind_approvers(request, now=now)
        if approver_escalation.escalation_is_due(approver_escalation.asked_approvers(request), now=now):
            approver_escalation.escalate(request, now=now)
        return True


def _remind_approvers(request: TokenRequest, *, now: datetime) -> None:
    can_decide = {person.pk for level in approvers.approver_levels(request) for person in level}
    order = BatchOrder.objects.of_request(request)
    for row in approver_escalation.asked_approvers(request):
        if row.approver_id in can_decide and approver_escalation.reminder_is_due(row, now=now):
            mail = messages.batch_reminder(order, row) if order else None
            outbox.enqueue(mail or messages.approval_reminder(request, row), by_sweep=True)
            row.reminded_at = now
            row.save()


def _is_sent(occasion: str) -> bool:
    return OutgoingMail.objects.filter(occasion=occasion).exists()
