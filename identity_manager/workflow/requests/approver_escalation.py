"""Whom a request asks for its approval, in which order, and what happens when nobody answers.

Asked first: the person's manager, where they are an approver; else the approvers of the person's
organisational unit; else those without a limit. Always so many that enough of them can decide. Where they
let it wait, the next ones are asked too, and at last the administrators are told. Every approver of the
person's unit may decide at any time, asked or not: asking is a mail, deciding is a right.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from identity_manager import audit
from identity_manager.mail import deduplication, messages, outbox
from identity_manager.models import (
    AskedApprover,
    AskingLevel,
    AuditEvent,
    BatchOrder,
    Decision,
    OutgoingMail,
    Person,
    TokenRequest,
)
from identity_manager.workflow.policy import approvers as policy_approvers
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.policy.deciders import Deciders


def still_needed(request: TokenRequest) -> int:
    """How many approvals the present round still wants.

    One counts only while who gave it could give it: a role that was withdrawn takes its approvals along.
    """
    if not request.approvals_needed:
        return 0
    given = request.approvals.filter(round=request.round, decision=Decision.APPROVED)
    rows = given.select_related("approver").prefetch_related("approver__roles")
    counting = sum(eligibility.approval_counts(approval, request) for approval in rows)
    return max(0, request.approvals_needed - counting)


def sends_back(request: TokenRequest) -> bool:
    """Let a locked request whose approvals do not count any more wait for other ones.

    In the caller's transaction. False, and nothing done, where they count.
    """
    if not still_needed(request):
        return False
    request.lose_approval()
    request.save()
    audit.record(audit.Event.REQUEST_APPROVAL_LOST, actor=None, subject=request)
    ask_approvers(request, now=timezone.now())
    return True


def is_possible(request: TokenRequest) -> bool:
    """Whether there are enough approvers who can still decide on it."""
    return sum(map(len, policy_approvers.approver_levels(request))) >= still_needed(request)


def asked_approvers(request: TokenRequest) -> list[AskedApprover]:
    """Whom the present round has asked, the first first."""
    return list(request.asked_approvers.filter(round=request.round).select_related("approver"))


def ask_approvers(request: TokenRequest, *, now: datetime) -> None:
    """See to it that enough approvers who can decide are asked; in the caller's transaction, request locked.

    Where there are not enough, the administrators of the unit are told, once.
    """
    levels = policy_approvers.approver_levels(request)
    can_decide = {person.pk for level in levels for person in level}
    known = {row.approver_id for row in asked_approvers(request)}
    needed = still_needed(request)
    if len(known & can_decide) < needed:
        first = [person for person in _enough(levels, needed) if person.pk not in known]
        _ask(request, first, level=AskingLevel.FIRST, now=now)
    if len(can_decide) < needed:
        notify_administrators(request, now=now)


@dataclass(frozen=True)
class ApproverInquiry:
    """What is written when a new request asks for its approvals: who is asked, the mails, the events."""

    asked: list[AskedApprover]
    mails: list[OutgoingMail]
    events: list[AuditEvent]


def prepare_inquiry(
    request: TokenRequest, deciders: Deciders, *, now: datetime, of_batch: bool = False
) -> ApproverInquiry:
    """What `ask` writes for a request that nobody was asked about yet; nothing is written here.

    Where not enough can decide, the request itself notes that the office is told. of_batch: no mails, for
    batch_asking sends one for all requests of the order.
    """
    levels = deciders.levels(request)
    needed = request.approvals_needed
    first = _enough(levels, needed)
    rows = [_row(request, approver, level=AskingLevel.FIRST, now=now) for approver in first]
    mails = [] if of_batch else [messages.approval_needed(request, approver) for approver in first]
    if sum(map(len, levels)) >= needed:
        return ApproverInquiry(rows, mails, [])
    request.office_told_at = now
    if not of_batch:
        mails += _administrator_mails(
            request, deciders.administrators(request.person), possible=False, now=now
        )
    told = audit.event_about(audit.Event.REQUEST_LEFT_UNDECIDED, actor=None, subject=request)
    return ApproverInquiry(rows, mails, [told])


def _enough(levels: Iterable[list[Person]], needed: int) -> list[Person]:
    """Whole levels, until there are enough persons."""
    found: list[Person] = []
    for level in levels:
        if len(found) < needed:
            found += level
    return found


def escalate(request: TokenRequest, *, now: datetime) -> None:
    """Ask the next level too; where everybody was asked, tell the administrators of the unit, once."""
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
    for approver in sorted(approvers, key=lambda each: each.pk):  # whoever else tells them waits for nobody
        _row(request, approver, level=level, now=now).save(force_insert=True)
        mail = messages.batch_waits(order, approver, key=hour) if order else None
        outbox.enqueue(mail or messages.approval_needed(request, approver))


def _row(request: TokenRequest, approver: Person, *, level: AskingLevel, now: datetime) -> AskedApprover:
    return AskedApprover(
        request=request, round=request.round, approver=approver, level=level, asked_at=now, waits_from=now
    )


def notify_administrators(request: TokenRequest, *, now: datetime) -> None:
    """The administrators of the unit read, once in a round, that nobody decides, or that nobody can."""
    if request.office_told_at is not None:
        return
    request.office_told_at = now
    request.save()
    administrators = policy_approvers.administrators(request.person).order_by("pk")
    for mail in _administrator_mails(request, administrators, possible=is_possible(request), now=now):
        outbox.enqueue(mail)
    audit.record(audit.Event.REQUEST_LEFT_UNDECIDED, actor=None, subject=request)


def _administrator_mails(
    request: TokenRequest, administrators: Iterable[Person], *, possible: bool, now: datetime
) -> list[OutgoingMail]:
    order, hour = BatchOrder.objects.of_request(request), deduplication.hour(now)
    if order is not None:
        return [messages.batch_undecided(order, each, possible=possible, key=hour) for each in administrators]
    return [messages.left_undecided(request, each, possible=possible) for each in administrators]


def is_due(request: TokenRequest, deciders: Deciders, *, now: datetime) -> bool:
    """Whether somebody is to be asked, reminded or told about a request that waits for a decision.

    Nothing is asked of the database for one in its first round on which nobody has decided, beyond what
    `deciders` know and what is prefetched: asked_approvers and approvals.
    """
    rows = [row for row in request.asked_approvers.all() if row.round == request.round]
    given = request.decisions
    is_new = request.round == 1 and not given
    levels = deciders.levels(request) if is_new else policy_approvers.approver_levels(request)
    can_decide = {person.pk for level in levels for person in level}
    if any(row.approver_id in can_decide and reminder_is_due(row, now=now) for row in rows):
        return True
    known = {row.approver_id for row in rows}
    needed = request.approvals_needed if is_new else still_needed(request)
    late = escalation_is_due(rows, now=now)
    if can_decide - known:
        return late or len(known & can_decide) < needed
    return request.office_told_at is None and (late or len(can_decide) < needed)


def reminder_is_due(row: AskedApprover, *, now: datetime) -> bool:
    """Whether the approver is to be reminded, once each time that the request waits for them."""
    late = row.waits_from <= now - timedelta(days=settings.APPROVAL_REMINDER_DAYS)
    return late and row.reminded_at is None


def escalation_is_due(rows: Iterable[AskedApprover], *, now: datetime) -> bool:
    """Whether the last who were asked have let it wait too long; nobody was asked: not yet."""
    latest = max((row.waits_from for row in rows), default=now)
    return latest <= now - timedelta(days=settings.APPROVAL_ESCALATION_DAYS)
