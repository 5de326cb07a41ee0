"""Reminder jobs: acceptance, passphrases, undecided requests, end of a postponement.

Each may run on several nodes at once: changed rows are skipped, and mails are deduplicated by occasion.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from identity_manager import audit
from identity_manager.mail import batch_messages, deduplication, outbox, request_messages, token_messages
from identity_manager.models import BatchOrder, OutgoingMail, Person, SoftwareToken, TokenRequest
from identity_manager.transactions import locking, retry_later
from identity_manager.workflow.policy import approvers
from identity_manager.workflow.policy.deciders import Deciders
from identity_manager.workflow.requests import approver_escalation

AT_ONCE = 200


def remind_of_acceptance() -> int:
    """Job: remind persons of unaccepted terms; returns the number of mails."""
    now = timezone.now()
    horizon = now + timedelta(days=max(settings.ACCEPTANCE_REMINDER_DAYS, default=0))
    rows = TokenRequest.objects.awaiting_acceptance().filter(accept_before__range=(now, horizon))
    by_deadline = rows.order_by("accept_before", "pk").iterator(chunk_size=AT_ONCE)
    occasion_of = ((request.pk, _acceptance_occasion(request, now)) for request in by_deadline)
    return retry_later.for_each_isolated(_not_told(occasion_of), remind_to_accept)


def remind_to_accept(request_id: uuid.UUID) -> bool:
    """Remind the person of one request if a threshold is reached; whether a mail was queued."""
    with transaction.atomic():
        request = locking.request(request_id)
        now = timezone.now()
        waits = TokenRequest.objects.awaiting_acceptance().filter(pk=request_id).exists()
        days = _days_to_accept(request, now)
        if not waits or days is None or not request.person.is_active:
            return False
        if outbox.has(deduplication.acceptance_reminder(request, days=days)):
            return False
        outbox.enqueue(request_messages.acceptance_reminder(request, days=days), by_sweep=True)
        return True


def _acceptance_occasion(request: TokenRequest, now: datetime) -> str:
    days = _days_to_accept(request, now)
    return "" if days is None else deduplication.acceptance_reminder(request, days=days)


def _days_to_accept(request: TokenRequest, now: datetime) -> int | None:
    thresholds = settings.ACCEPTANCE_REMINDER_DAYS
    return days_before(request.accept_before, thresholds, since=request.decided_at, now=now)


def remind_of_passphrases() -> int:
    """Job: remind persons of unacknowledged passphrases; returns the number of mails."""
    now = timezone.now()
    horizon = now + timedelta(days=max(settings.PASSPHRASE_REMINDER_DAYS, default=0))
    rows = SoftwareToken.objects.with_unacknowledged_passphrase()
    rows = rows.filter(passphrase_destroy_at__range=(now, horizon))
    by_deadline = rows.order_by("passphrase_destroy_at", "pk").iterator(chunk_size=AT_ONCE)
    occasion_of = ((token.pk, _passphrase_occasion(token, now)) for token in by_deadline)
    return retry_later.for_each_isolated(_not_told(occasion_of), remind_to_note)


def remind_to_note(token_id: uuid.UUID) -> bool:
    """Remind the owner of one token if a threshold is reached; whether a mail was queued."""
    with transaction.atomic():
        token = locking.token(token_id)
        now = timezone.now()
        days = _days_to_note(token, now)
        if token.passphrase_wrapped is None or days is None or not token.person.is_active:
            return False
        if outbox.has(deduplication.passphrase_reminder(token, days=days)):
            return False
        outbox.enqueue(token_messages.passphrase_reminder(token, days=days), by_sweep=True)
        return True


def _passphrase_occasion(token: SoftwareToken, now: datetime) -> str:
    days = _days_to_note(token, now)
    return "" if days is None else deduplication.passphrase_reminder(token, days=days)


def _days_to_note(token: SoftwareToken, now: datetime) -> int | None:
    thresholds = settings.PASSPHRASE_REMINDER_DAYS
    return days_before(token.passphrase_destroy_at, thresholds, since=token.sealed_at, now=now)


def _not_told(occasion_of: Iterable[tuple[uuid.UUID, str]]) -> Iterator[uuid.UUID]:
    """Rows with a due occasion for which no mail exists yet.

    Without locks: after a batch order thousands of reminded persons keep waiting.
    """
    rows = iter(occasion_of)
    while some := dict(islice(rows, AT_ONCE)):
        told = set(OutgoingMail.objects.filter(occasion__in=some.values()).values_list("occasion", flat=True))
        yield from (pk for pk, occasion in some.items() if occasion and occasion not in told)


def days_before(
    end: datetime | None, thresholds: Sequence[int], *, since: datetime | None, now: datetime
) -> int | None:
    """The smallest reached threshold, in days before the end; None where none is reached.

    Thresholds before `since` are ignored: with a period of ten days nobody is reminded 14 days before its
    end.
    """
    if end is None or end <= now:
        return None
    moments = {days: end - timedelta(days=days) for days in thresholds}
    come = [days for days, moment in moments.items() if moment <= now and (not since or since < moment)]
    return min(come, default=None)


def return_all_postponed() -> int:
    """Job: return requests to their approvers after a postponement; returns how many."""
    rows = TokenRequest.objects.to_come_back(timezone.now()).order_by("postponed_until", "pk")
    return retry_later.for_each_isolated(rows.values_list("pk", flat=True), return_postponed)


def return_postponed(request_id: uuid.UUID) -> bool:
    """Return one request to the queue and remind who postponed it, if its time has come."""
    with transaction.atomic():
        request = locking.request(request_id)
        now = timezone.now()
        if not request.comes_back(now):
            return False
        reminded = _whom_to_remind(request)

        for approver in reminded:
            outbox.enqueue(request_messages.approval_back(request, approver))
        request.postponed_until = request.postponed_by = None
        request.save()
        request.asked_approvers.filter(round=request.round).update(waits_from=now, reminded_at=None)
        audit.record(audit.Event.REQUEST_RETURNED, actor=None, subject=request)
        return True


def _whom_to_remind(request: TokenRequest) -> list[Person]:
    """Who postponed it; if they cannot decide any more, the asked approvers who can."""
    can_decide = {person.pk: person for level in approvers.approver_levels(request) for person in level}
    if request.postponed_by_id in can_decide:
        return [can_decide[request.postponed_by_id]]
    return [
        row.approver for row in approver_escalation.asked_approvers(request) if row.approver_id in can_decide
    ]


def escalate_all_undecided() -> int:
    """Job: remind approvers and escalate undecided requests; returns how many."""
    return retry_later.for_each_isolated(
        _left_waiting(timezone.now()), lambda pk: escalate_undecided(request_id=pk)
    )


def _left_waiting(now: datetime) -> Iterator[uuid.UUID]:
    """Requests for which an approver is to be asked or reminded, or administrators notified.

    Without locks: after a batch order thousands of requests wait.
    """
    deciders = Deciders()
    rows = TokenRequest.objects.awaiting_decision(now).order_by("created_at", "pk")
    rows = rows.select_related("person").prefetch_related("asked_approvers", "approvals")
    for request in rows.iterator(chunk_size=AT_ONCE):
        if approver_escalation.is_due(request, deciders, now=now):
            yield request.pk


def escalate_undecided(*, request_id: uuid.UUID) -> bool:
    """Remind the asked approvers of one request, and escalate where that was in vain.

    False, without a change, where it is decided.
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
            mail = batch_messages.batch_reminder(order, row) if order else None
            outbox.enqueue(mail or request_messages.approval_reminder(request, row), by_sweep=True)
            row.reminded_at = now
            row.save()
