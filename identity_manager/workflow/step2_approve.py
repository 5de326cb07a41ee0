"""Step 2: an approver approves, rejects (all, or single types) or postpones.

It is skipped where the policy wants nobody.

After the decision the road goes on as PstmProcProceedSoftwareTokenRequest of Nexus.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.mail import deduplication, outbox
from identity_manager.mail.messages import batch_messages, request_messages
from identity_manager.models import (
    Approval,
    BatchOrder,
    Decision,
    OutgoingMail,
    Person,
    Postponement,
    RequestState,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.models.requests.token_queries import first_end
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Refused, Stale, refuse
from identity_manager.workflow import snapshot
from identity_manager.workflow.policy import approval_rules, approvers, eligibility
from identity_manager.workflow.renewal import policy as renewal_policy
from identity_manager.workflow.requests import approver_escalation, suspension
from identity_manager.workflow.step3_invite import conclude

NOT_WAITING = Reason("not-waiting", _("This request does not wait for a decision any more."))
PERSON_CHANGED = Reason(
    "person-changed",
    _("The person's data have changed since the request was made. An administrator decides how it goes on."),
)
NO_REASON = Reason("no-reason-to-reject", _("Say why you reject the request."))
NO_LINE = Reason("no-line", _("Check at least one type."))
NOT_ALL = Reason("not-all", _("These are all types of the request. Reject the request instead."))
NOT_IN_THE_FUTURE = Reason("not-in-the-future", _("Choose a time that lies ahead, at most 90 days."))
AFTER_THE_DEADLINE = _("It has to be decided before %(day)s. Choose an earlier time.")
LONGEST_POSTPONEMENT_DAYS = 90


def approve(*, actor: Person, request_id: uuid.UUID, snapshot_hash: str) -> TokenRequest:
    """Record the actor's yes to exactly this snapshot; the last one that is needed sends the request on.

    Raises NotAllowed (four eyes), Stale (decided or changed meanwhile), NotPossible (person not Active).
    Where the person's data have changed, the request is stopped for the office to see, then Stale is raised.
    """
    with transaction.atomic():
        request = _fetch(actor, request_id, snapshot_hash)
        refuse(eligibility.person_obstacle(request.person))
        stopped = suspension.suspends(request, locking.lines_of(request))
        if not stopped:
            given = _record(request, actor, Decision.APPROVED, reason="")
            still = approver_escalation.still_needed(request)
            facts = _facts(given, request, still=still)
            audit.record(
                audit.Event.REQUEST_APPROVED, actor=actor, subject=request, snapshot=snapshot_hash, **facts
            )
            _go_on(request, actor=actor, still=still)
    refuse(PERSON_CHANGED if stopped else None, kind=Stale)
    return request


def _go_on(request: TokenRequest, *, actor: Person, still: int) -> None:
    """Invite the person if the round has enough approvals; else notify the remaining approvers."""
    if still:
        approver_escalation.ask_approvers(request, now=timezone.now())
    else:
        conclude(request, actor=actor)


def _facts(given: Approval, request: TokenRequest, *, still: int) -> dict[str, object]:
    """Facts of the audit event: approvals needed and missing, and the deputyship, if any."""
    counts = {"needed": request.approvals_needed, "missing": still}
    facts: dict[str, object] = {"counts": counts} if request.approvals_needed > 1 else {}
    if given.deputyship is not None:
        facts |= {"deputyship": str(given.deputyship_id)}
    return facts


def reject(*, actor: Person, request_id: uuid.UUID, snapshot_hash: str, reason: str) -> TokenRequest:
    """End the request with the approver's reason. Raises as approve does, NotPossible without a reason."""
    with transaction.atomic():
        request = _fetch(actor, request_id, snapshot_hash)
        refuse(NO_REASON if not reason.strip() else None, field="reason")

        now = timezone.now()
        _record(request, actor, Decision.REJECTED, reason=reason.strip())
        request.reject(reason=reason.strip(), now=now)
        request.save()
        for token in locking.lines_of(request):
            token.cancel(reason=reason.strip()[:300], now=now)
            token.save()
        outbox.enqueue(_rejected(request, now=now))
        audit.record(audit.Event.REQUEST_REJECTED, actor=actor, subject=request, reason=reason.strip())
        return request


def _rejected(request: TokenRequest, *, now: datetime) -> OutgoingMail:
    """The rejection mail to the requester; for a batch order at most one an hour for each reason."""
    order = BatchOrder.objects.of_request(request)
    if order is None:
        return request_messages.rejected(request)
    return batch_messages.batch_rejected(order, reason=request.reason, key=deduplication.hour(now))


@dataclass(frozen=True)
class NotDecided:
    """A request that a bulk decision skipped, with the refusal."""

    request_id: uuid.UUID
    refused: Refused


def approve_several(*, actor: Person, seen: Mapping[uuid.UUID, str]) -> list[NotDecided]:
    """Approve each request by itself, by the snapshot that the actor saw of it. Raises nothing.

    Returns those that could not be, with the reason.
    """
    return _one_by_one(seen, lambda pk, hash_: approve(actor=actor, request_id=pk, snapshot_hash=hash_))


def reject_several(*, actor: Person, seen: Mapping[uuid.UUID, str], reason: str) -> list[NotDecided]:
    """End each request by itself, with the same reason; as approve_several."""
    return _one_by_one(
        seen, lambda pk, hash_: reject(actor=actor, request_id=pk, snapshot_hash=hash_, reason=reason)
    )


def _one_by_one(
    seen: Mapping[uuid.UUID, str], verb: Callable[[uuid.UUID, str], TokenRequest]
) -> list[NotDecided]:
    left = []
    for request_id, snapshot_hash in seen.items():
        try:
            verb(request_id, snapshot_hash)
        except Refused as refused:
            left.append(NotDecided(request_id, refused))
    return left


def take_out(
    *, actor: Person, request_id: uuid.UUID, snapshot_hash: str, lines: Collection[uuid.UUID], reason: str
) -> TokenRequest:
    """Reject single token types of a request with several; the others wait for their own decision.

    The snapshot hash is computed anew over the remaining lines. Approvals that were given before covered
    them as well, so they still count. If the remaining lines need fewer approvals, the request may be
    approved by this act. Raises as approve and reject do.
    """
    with transaction.atomic():
        request = _fetch(actor, request_id, snapshot_hash)
        refuse(eligibility.person_obstacle(request.person))  # the remaining lines may be approved by this act
        refuse(NO_REASON if not reason.strip() else None, field="reason")
        present = locking.lines_of(request)
        leaving = [token for token in present if token.pk in lines]
        refuse(NO_LINE if not leaving else None, field="lines")
        refuse(NOT_ALL if len(leaving) == len(present) else None, field="lines")

        for token in leaving:
            _leave(token, actor=actor, reason=reason.strip())
        _remain(request, [token for token in present if token not in leaving])
        _tell_of_taking_out(request, leaving)
        audit.record(
            audit.Event.REQUEST_REDUCED,
            actor=actor,
            subject=request,
            types=[token.type_code for token in leaving],
            reason=reason.strip(),
            snapshot=request.snapshot_hash,
        )
        if not suspension.suspends(request, locking.lines_of(request)):
            _go_on(request, actor=actor, still=approver_escalation.still_needed(request))
        return request


def _leave(token: SoftwareToken, *, actor: Person, reason: str) -> None:
    token.taken_out_by = actor
    token.cancel(reason=reason[:300], now=timezone.now())
    token.save()


def _remain(request: TokenRequest, lines: Iterable[SoftwareToken]) -> None:
    """Reduce the request to these lines: set its snapshot hash, its approval rules and their number."""
    remaining = list(lines)
    request.snapshot_hash = snapshot.digest(token.snapshot for token in remaining)
    types = renewal_policy.types_to_approve(remaining)
    request.approvals_needed = approvers.approvals_needed_now(request, types)
    approval_rules.replace(request, approvers.rules_of(request, types))
    request.save()


def _tell_of_taking_out(request: TokenRequest, tokens: Collection[SoftwareToken]) -> None:
    outbox.enqueue_each(
        request_messages.types_taken_out(request, person, tokens=tokens)
        for person in dict.fromkeys((request.person, request.requested_by))
    )


def postpone(*, actor: Person, request_id: uuid.UUID, snapshot_hash: str, until: datetime) -> TokenRequest:
    """Hide the request from the actor's own queue until a time; every other approver still sees it.

    Raises as approve does, and NotPossible for a time in the past or after the deadline.
    """
    with transaction.atomic():
        request = _fetch(actor, request_id, snapshot_hash)
        refuse(_bad_time(request, until), field="until")

        values = {"round": request.round, "until": until, "created_at": timezone.now()}
        Postponement.objects.update_or_create(request=request, approver=actor, defaults=values)
        audit.record(audit.Event.REQUEST_POSTPONED, actor=actor, subject=request, until=until.isoformat())
        return request


def postpone_several(*, actor: Person, seen: Mapping[uuid.UUID, str], until: datetime) -> list[NotDecided]:
    """Postpone each request by itself; as approve_several."""
    return _one_by_one(
        seen, lambda pk, hash_: postpone(actor=actor, request_id=pk, snapshot_hash=hash_, until=until)
    )


def deadline(request: TokenRequest) -> datetime:
    """The latest time for a decision: 90 days after the round began, or the end of the renewed token."""
    began = request.round_started_at or request.created_at
    renewed = [token.predecessor_id for token in locking.lines_of(request) if token.predecessor_id]
    ends = SoftwareToken.objects.filter(pk__in=renewed).annotate(ends_at=first_end()).order_by()
    known: list[datetime] = [each for each in ends.values_list("ends_at", flat=True) if each is not None]
    latest: datetime = began + timedelta(days=LONGEST_POSTPONEMENT_DAYS)
    return min([latest, *known])


def _bad_time(request: TokenRequest, until: datetime) -> Reason | None:
    ahead = until - timezone.now()
    if ahead.total_seconds() <= 0 or ahead.days >= LONGEST_POSTPONEMENT_DAYS:
        return NOT_IN_THE_FUTURE
    latest = deadline(request)
    if until < latest:
        return None
    day = {"day": date_format(timezone.localtime(latest), "DATETIME_FORMAT")}
    return Reason("after-the-deadline", str(AFTER_THE_DEADLINE) % day)


def state_obstacle(request: TokenRequest) -> Reason | None:
    """Why the request's state allows no decision, or None."""
    waits = request.state == RequestState.REQUESTED and not request.is_recovery
    return None if waits else NOT_WAITING


def _fetch(actor: Person, request_id: uuid.UUID, snapshot_hash: str) -> TokenRequest:
    request = locking.request(request_id)
    refuse(state_obstacle(request), kind=Stale)
    refuse(approvers.decision_obstacle(actor, request), kind=NotAllowed)
    refuse(eligibility.ANOTHER_SNAPSHOT if snapshot_hash != request.snapshot_hash else None, kind=Stale)
    return request


def _record(request: TokenRequest, actor: Person, decision: Decision, *, reason: str) -> Approval:
    seat = approvers.right_of(actor, request)
    return Approval.objects.create(
        deputyship=seat.deputyship if seat else None,
        request=request,
        round=request.round,
        approver=actor,
        decision=decision,
        reason=reason,
        snapshot_hash=request.snapshot_hash,
    )
