"""Approver notification and escalation: who is asked for an approval, in which order, and what happens
without an answer.

First the person's manager, if an approver; else the approvers of the person's organisational unit; else those
without a limit; always enough to reach the number needed. Without a decision the next level is asked too, and
finally the administrators are notified. Every approver of the unit may decide at any time, asked or not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from identity_manager import audit
from identity_manager.mail import deduplication, outbox
from identity_manager.mail.messages import batch_messages, request_messages
from identity_manager.models import (
    AskedApprover,
    AskingLevel,
    AuditEvent,
    BatchOrder,
    OutgoingMail,
    Person,
    TokenRequest,
)
from identity_manager.workflow.policy import approval_rules
from identity_manager.workflow.policy import approvers as policy_approvers
from identity_manager.workflow.policy.deciders import Deciders


def still_needed(request: TokenRequest) -> int:
    """Number of approvals missing in the current round.

    An approval counts only while its approver holds the role.
    """
    if not request.approvals_needed:
        return 0
    if request.has_approval_rules:
        return policy_approvers.rules_now(request).still
    different = {approval.seat_id for approval in policy_approvers.approvals_that_count(request)}
    return max(0, request.approvals_needed - len(different))


def sends_back(request: TokenRequest) -> bool:
    """Return a locked request to its approvers if its approvals do not count any more.

    In the caller's transaction. Returns False, without a change, if they count.
    """
    if not still_needed(request):
        return False
    request.lose_approval()
    request.save()
    audit.record(audit.Event.REQUEST_APPROVAL_LOST, actor=None, subject=request)
    ask_approvers(request, now=timezone.now())
    return True


def is_possible(request: TokenRequest) -> bool:
    """Whether enough approvers can still decide."""
    undecided = [person for level in policy_approvers.approver_levels(request) for person in level]
    return policy_approvers.enough(request, undecided, still=still_needed(request))


def asked_approvers(request: TokenRequest) -> list[AskedApprover]:
    """Approvers asked in the current round, in order."""
    return list(request.asked_approvers.filter(round=request.round).select_related("approver"))


def ask_approvers(request: TokenRequest, *, now: datetime) -> None:
    """Ask further approvers until enough can decide; the caller has locked the request.

    If there are not enough, the unit's administrators are notified once.
    """
    rules = policy_approvers.rules_now(request)
    approval_rules.keep(request, rules)
    levels = policy_approvers.approver_levels(request)
    can_decide = {person.pk for level in levels for person in level}
    known = {row.approver_id for row in asked_approvers(request)}
    needed = still_needed(request)
    asked = max(needed, rules.to_be_asked)
    if len(known & can_decide) < asked:
        first = [person for person in _enough(levels, asked) if person.pk not in known]
        _ask(request, first, level=AskingLevel.FIRST, now=now)
    everybody = [person for level in levels for person in level]
    if needed and not policy_approvers.enough(request, everybody, still=needed):
        notify_administrators(request, now=now)


@dataclass(frozen=True)
class ApproverInquiry:
    """Rows to be written when a new request asks for approval: asked approvers, mails, events."""

    asked: list[AskedApprover]
    mails: list[OutgoingMail]
    events: list[AuditEvent]


def prepare_inquiry(
    request: TokenRequest, deciders: Deciders, *, now: datetime, of_batch: bool = False
) -> ApproverInquiry:
    """Rows, mails and events that ask_approvers would write for a new request; writes nothing.

    If not enough can decide, sets office_told_at on the request. of_batch: without mails, as
    batch.approver_mails sends one for all requests of the order.
    """
    levels = deciders.levels(request)
    needed = request.approvals_needed
    first = _enough(levels, max(needed, policy_approvers.rules_now(request).to_be_asked))
    rows = [_row(request, approver, level=AskingLevel.FIRST, now=now) for approver in first]
    mails = [] if of_batch else [request_messages.approval_needed(request, approver) for approver in first]
    everybody = [person for level in levels for person in level]
    if policy_approvers.enough(request, everybody, still=needed):
        return ApproverInquiry(rows, mails, [])
    request.office_told_at = now
    if not of_batch:
        mails += _administrator_mails(
            request, deciders.administrators(request.person), possible=False, now=now
        )
    event = audit.event_about(audit.Event.REQUEST_LEFT_UNDECIDED, actor=None, subject=request)
    return ApproverInquiry(rows, mails, [event])


def _enough(levels: Iterable[list[Person]], needed: int) -> list[Person]:
    """Whole levels until there are enough persons."""
    found: list[Person] = []
    for level in levels:
        if len(found) < needed:
            found += level
    return found


def escalate(request: TokenRequest, *, now: datetime) -> None:
    """Ask the next level; after the last one notify the unit's administrators, once."""
    known = {row.approver_id for row in asked_approvers(request)}
    for level in policy_approvers.approver_levels(request):
        others = [person for person in level if person.pk not in known]
        if others:
            _ask(request, others, level=AskingLevel.ESCALATED, now=now)
            audit.record(audit.Event.REQUEST_ESCALATED, actor=None, subject=request, asked=len(others))
            return
    notify_administrators(request, now=now)


def _ask(request: TokenRequest, approvers: Iterable[Person], *, level: AskingLevel, now: datetime) -> None:
    order, hour = BatchOrder.objects.of_request(request), deduplication.hour(now)
    asked = sorted(approvers, key=lambda each: each.pk)  # one order, against deadlocks
    for approver in asked:
        _row(request, approver, level=level, now=now).save(force_insert=True)
    outbox.enqueue_each(
        batch_messages.batch_waits(order, approver, key=hour)
        if order
        else request_messages.approval_needed(request, approver)
        for approver in asked
    )


def _row(request: TokenRequest, approver: Person, *, level: AskingLevel, now: datetime) -> AskedApprover:
    return AskedApprover(
        request=request, round=request.round, approver=approver, level=level, asked_at=now, waits_from=now
    )


def notify_administrators(request: TokenRequest, *, now: datetime) -> None:
    """Mail the unit's administrators, once per round, that nobody decides, or nobody can."""
    if request.office_told_at is not None:
        return
    request.office_told_at = now
    request.save()
    administrators = policy_approvers.administrators(request.person).order_by("pk")
    outbox.enqueue_each(_administrator_mails(request, administrators, possible=is_possible(request), now=now))
    audit.record(audit.Event.REQUEST_LEFT_UNDECIDED, actor=None, subject=request)


def _administrator_mails(
    request: TokenRequest, administrators: Iterable[Person], *, possible: bool, now: datetime
) -> list[OutgoingMail]:
    order, hour = BatchOrder.objects.of_request(request), deduplication.hour(now)
    if order is not None:
        return [
            batch_messages.batch_undecided(order, each, possible=possible, key=hour)
            for each in administrators
        ]
    return [request_messages.left_undecided(request, each, possible=possible) for each in administrators]


def is_due(request: TokenRequest, deciders: Deciders, *, now: datetime) -> bool:
    """Whether an approver is to be asked or reminded, or administrators notified.

    No queries for an undecided request in its first round, beyond `deciders` and prefetched
    asked_approvers, approvals and postponements.
    """
    rows = [row for row in request.asked_approvers.all() if row.round == request.round]
    away = request.postponers(now)
    given = request.decisions
    is_new = request.round == 1 and not given and not request.has_approval_rules
    levels = deciders.levels(request) if is_new else policy_approvers.approver_levels(request)
    everybody = [person for level in levels for person in level]
    can_decide = {person.pk for person in everybody}
    if any(row.approver_id in can_decide - away and reminder_is_due(row, now=now) for row in rows):
        return True
    known = {row.approver_id for row in rows}
    needed = request.approvals_needed if is_new else still_needed(request)
    late = escalation_is_due(rows, now=now)
    if can_decide - known:
        return late or len(known & can_decide) < needed
    possible = policy_approvers.enough(request, everybody, still=needed)
    return request.office_told_at is None and (late or not possible)


def reminder_is_due(row: AskedApprover, *, now: datetime) -> bool:
    """Whether to remind the approver, once per waiting period."""
    late = row.waits_from <= now - timedelta(days=settings.APPROVAL_REMINDER_DAYS)
    return late and row.reminded_at is None


def escalation_is_due(rows: Iterable[AskedApprover], *, now: datetime) -> bool:
    """Whether the last level has not decided in time; False if nobody was asked."""
    latest = max((row.waits_from for row in rows), default=now)
    return latest <= now - timedelta(days=settings.APPROVAL_ESCALATION_DAYS)
