"""Reminder jobs: acceptance, passphrases, undecided requests, end of a postponement.

Each may run on several nodes at once: changed rows are skipped, and mails are deduplicated by occasion.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from identity_manager import audit
from identity_manager.mail import deduplication, outbox
from identity_manager.mail.messages import batch_messages, request_messages, token_messages
from identity_manager.models import BatchOrder, OutgoingMail, Postponement, SoftwareToken, TokenRequest
from identity_manager.people.officers import deputy_policy
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
        occasion = deduplication.acceptance_reminder(request, days=days)
        if outbox.has(occasion):
            return False
        outbox.enqueue(request_messages.acceptance_reminder(request, occasion=occasion), by_sweep=True)
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
    rows = SoftwareToken.objects.to_be_noted()
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
        if not token.is_to_be_noted or days is None or not token.person.is_active:
            return False
        occasion = deduplication.passphrase_reminder(token, days=days)
        if outbox.has(occasion):
            return False
        outbox.enqueue(token_messages.passphrase_reminder(token, occasion=occasion), by_sweep=True)
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
        mailed = set(
            OutgoingMail.objects.filter(occasion__in=some.values()).values_list("occasion", flat=True)
        )
        yield from (pk for pk, occasion in some.items() if occasion and occasion not in mailed)


def days_before(
    end: datetime | None, thresholds: Sequence[int], *, since: datetime | None, now: datetime
) -> int | None:
    """The smallest reached threshold, in days before the end; None if none is reached.

    Thresholds before `since` are ignored: with a period of ten days nobody is reminded 14 days before its
    end.
    """
    if end is None or end <= now:
        return None
    moments = {days: end - timedelta(days=days) for days in thresholds}
    come = [days for days, moment in moments.items() if moment <= now and (not since or since < moment)]
    return min(come, default=None)


def return_all_postponed() -> int:
    """Job: return requests to the approvers who postponed them; returns how many."""
    retry_later.for_each_isolated(_postponed_for_all().values_list("pk", flat=True), _postpone_for_one)
    due = Postponement.objects.due(timezone.now()).values_list("pk", flat=True)
    return retry_later.for_each_isolated(due, return_postponed)


def return_postponed(postponement_id: uuid.UUID) -> bool:
    """Return one request to the queue of an approver and mail them, if the time has come.

    Returns False if it is not due, or the approver cannot decide on it any more.
    """
    with transaction.atomic():
        found = Postponement.objects.filter(pk=postponement_id)
        request_id = found.values_list("request_id", flat=True).first()
        if request_id is None:
            return False
        request = locking.request(request_id)
        now = timezone.now()
        row = found.due(now).select_related("approver").first()
        if row is None:
            return False
        deputyships = deputy_policy.deputyships_of(row.approver)
        waits = TokenRequest.objects.awaiting_decision().decidable_by(row.approver, deputyships)
        waits = waits.filter(pk=request_id)
        together = _comes_back_together(row)
        row.delete()
        if not waits.exists() or row.round != request.round or row.approver_id not in _deciders(request):
            return False

        outbox.enqueue(
            request_messages.approvals_back(row) if together else request_messages.approval_back(request, row)
        )
        asked = request.asked_approvers.filter(round=request.round, approver=row.approver_id)
        asked.update(reminded_at=now)  # this mail is the reminder
        audit.record(audit.Event.REQUEST_RETURNED, actor=None, subject=request)
        return True


def _comes_back_together(row: Postponement) -> bool:
    """Whether the approver has postponed several requests to the same moment, for which one mail is sent."""
    others = Postponement.objects.filter(approver=row.approver_id, until=row.until).exclude(pk=row.pk)
    return others.exists() or outbox.has(deduplication.approvals_back(row))


def _deciders(request: TokenRequest) -> set[uuid.UUID]:
    return {person.pk for level in approvers.approver_levels(request) for person in level}


def _postponed_for_all() -> QuerySet[TokenRequest]:
    """Requests that release 1.0 has postponed for all approvers."""
    return TokenRequest.objects.filter(postponed_until__isnull=False).order_by("pk")


def _postpone_for_one(request_id: uuid.UUID) -> bool:
    """Convert a postponement of release 1.0 into one of the approver who made it."""
    with transaction.atomic():
        request = locking.request(request_id)
        if request.postponed_by_id and request.postponed_until and request.is_undecided:
            values = {"round": request.round, "until": request.postponed_until}
            Postponement.objects.get_or_create(
                request=request, approver_id=request.postponed_by_id, defaults=values
            )
        request.postponed_until = request.postponed_by = None
        request.save()
        return True


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
    rows = TokenRequest.objects.awaiting_decision().order_by("created_at", "pk")
    rows = rows.select_related("person", "requested_by__api_client")
    rows = rows.prefetch_related("asked_approvers", "approvals", "postponements")
    for request in rows.iterator(chunk_size=AT_ONCE):
        if approver_escalation.is_due(request, deciders, now=now):
            yield request.pk


def escalate_undecided(*, request_id: uuid.UUID) -> bool:
    """Remind the asked approvers of one request, and escalate if that had no effect.

    Returns False, without a change, if it is decided.
    """
    with transaction.atomic():
        request = locking.request(request_id)
        now = timezone.now()
        if not TokenRequest.objects.awaiting_decision().filter(pk=request_id).exists():
            return False
        approver_escalation.ask_approvers(request, now=now)
        _remind_approvers(request, now=now)
        if approver_escalation.escalation_is_due(approver_escalation.asked_approvers(request), now=now):
            approver_escalation.escalate(request, now=now)
        return True


def _remind_approvers(request: TokenRequest, *, now: datetime) -> None:
    can_decide = _deciders(request) - request.postponers(now)
    order = BatchOrder.objects.of_request(request)
    for row in approver_escalation.asked_approvers(request):
        if row.approver_id in can_decide and approver_escalation.reminder_is_due(row, now=now):
            mail = batch_messages.batch_reminder(order, row) if order else None
            outbox.enqueue(mail or request_messages.approval_reminder(request, row), by_sweep=True)
            row.reminded_at = now
            row.save()
