"""Creation of requests with their tokens and snapshots, for both ways of step 1 and for batch orders.

Rows are prepared first and then written, so that batch.bulk_enable creates many requests in few statements
with the same code.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from django.utils import timezone

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.models import (
    ApprovalRule,
    AskedApprover,
    AuditEvent,
    CoRequester,
    OutgoingMail,
    Person,
    RequestKind,
    RequestOrigin,
    RoleAssignment,
    SoftwareToken,
    TokenRequest,
    TokenType,
)
from identity_manager.workflow import snapshot, step3_invite
from identity_manager.workflow.policy import approvers
from identity_manager.workflow.policy.deciders import Deciders
from identity_manager.workflow.policy.eligibility import TypeChoice
from identity_manager.workflow.renewal import policy as renewal_policy
from identity_manager.workflow.requests import approver_escalation

Item = TypeVar("Item")


@dataclass(frozen=True)
class Origin:
    """Requester, beneficiary, origin and purpose (cleaned by policy.purpose) of a new request.

    co_requesters: ids of officers who count as requesters as well.
    """

    actor: Person
    person: Person
    origin: RequestOrigin
    purpose: str = ""
    co_requesters: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True)
class BatchContext:
    """Data shared by many new requests, read once. predecessors: tokens that they renew, by key."""

    deciders: Deciders = field(default_factory=Deciders)
    frames: dict[uuid.UUID, snapshot.Frame] = field(default_factory=dict)
    predecessors: Mapping[uuid.UUID, SoftwareToken] = field(default_factory=dict)
    of_batch: bool = False  # then approvers get one mail about all requests

    def frame(self, token_type: TokenType) -> snapshot.Frame:
        if token_type.pk not in self.frames:
            self.frames[token_type.pk] = snapshot.frame(token_type)
        return self.frames[token_type.pk]


@dataclass(frozen=True)
class PreparedRequest:
    """An unsaved request with all rows that are written with it."""

    request: TokenRequest
    lines: list[SoftwareToken]
    co_requesters: list[CoRequester] = field(default_factory=list)
    rules: Sequence[ApprovalRule] = ()
    asked: list[AskedApprover] = field(default_factory=list)
    roles: list[RoleAssignment] = field(default_factory=list)
    mails: list[OutgoingMail] = field(default_factory=list)
    events: list[AuditEvent] = field(default_factory=list)


def predecessors_of(choices: Iterable[TypeChoice]) -> dict[uuid.UUID, SoftwareToken]:
    """The tokens that these choices renew, with the fields that a renewal is compared with, in one query."""
    keys = [choice.renews.token_id for choice in choices if choice.renews]
    return SoftwareToken.objects.only("snapshot", "request").in_bulk(keys) if keys else {}


def open_request(asking: Origin, *, choices: Sequence[TypeChoice]) -> TokenRequest:
    """Create the request in the caller's transaction, which has locked the person; invite or ask approvers.

    Its kind is that of its lines; if these differ, as a first issue beside a renewal, it is *initial*. If it
    needs no approval, it starts as approved, and the person is invited at once.
    """
    prepared = prepare_request(asking, choices, BatchContext())
    write_requests([prepared])
    return prepared.request


def draft(asking: Origin, choices: Sequence[TypeChoice]) -> TokenRequest:
    """The request that these choices would open, with its lines (prepared_lines); nothing is written."""
    request = _new_request(asking, choices)
    request.prepared_lines = _lines(request, choices, BatchContext())
    _take_rules(request, asking, request.prepared_lines)
    return request


def approvals_needed(asking: Origin, choice: TypeChoice) -> int:
    """How many approvals a request of this choice alone would need; only of a renewal are lines compared."""
    if choice.kind == RequestKind.RENEWAL:
        return draft(asking, [choice]).approvals_needed
    return _approvals_needed(asking, [choice.token_type])


def prepare_request(asking: Origin, choices: Sequence[TypeChoice], known: BatchContext) -> PreparedRequest:
    """Build the rows of a new request. Reads what the caller has not passed; writes nothing."""
    request = _new_request(asking, choices)
    request.prepared_co_requesters = asking.co_requesters
    request.has_co_requesters = bool(asking.co_requesters)
    lines = _lines(request, choices, known)
    request.snapshot_hash = snapshot.digest(line.snapshot for line in lines)
    _take_rules(request, asking, lines)
    caused = [CoRequester(request=request, person_id=each) for each in sorted(asking.co_requesters)]
    events = [_created(request, lines)]
    prepared = PreparedRequest(request, lines, caused, request.prepared_rules, events=events)
    request.prepared_lines = lines  # its mails name them
    if request.approvals_needed:
        _ask(prepared, known)
    else:
        _invite(prepared, actor=asking.actor)
    request.prepared_lines = request.prepared_rules = ()
    return prepared


def write_requests(opened: Sequence[PreparedRequest], *, by_sweep: bool = False) -> None:
    """Insert prepared requests in the caller's transaction, persons locked: one statement per model.

    by_sweep: as in outbox.enqueue_new.
    """
    TokenRequest.objects.bulk_create([each.request for each in opened])
    SoftwareToken.objects.bulk_create(_all(each.lines for each in opened))
    CoRequester.objects.bulk_create(_all(each.co_requesters for each in opened))
    ApprovalRule.objects.bulk_create(_all(each.rules for each in opened))
    AskedApprover.objects.bulk_create(_all(each.asked for each in opened))
    step3_invite.write_roles(_all(each.roles for each in opened))
    outbox.enqueue_new(_all(each.mails for each in opened), by_sweep=by_sweep)
    audit.append(_all(each.events for each in opened))


def line_in_place_of(
    before: SoftwareToken, *, request: TokenRequest, line: snapshot.Snapshot
) -> SoftwareToken:
    """Return an unsaved line of the request's present round for one of the round before."""
    return _line(
        request,
        token_type=before.required_type,
        line=line,
        kind=RequestKind(before.kind),
        predecessor_id=before.predecessor_id,
    )


def set_off(request: TokenRequest, *, actor: Person) -> None:
    """Ask for the needed approvals, or continue without."""
    if request.approvals_needed:
        approver_escalation.ask_approvers(request, now=timezone.now())
    else:
        step3_invite.conclude(request, actor=actor)


def _all(parts: Iterable[Iterable[Item]]) -> list[Item]:
    return list(chain.from_iterable(parts))


def _new_request(asking: Origin, choices: Iterable[TypeChoice]) -> TokenRequest:
    kinds = {choice.kind for choice in choices}
    return TokenRequest(
        kind=kinds.pop() if len(kinds) == 1 else RequestKind.INITIAL,
        person=asking.person,
        requested_by=asking.actor,
        origin=asking.origin,
        purpose=asking.purpose,
        delivery_address=asking.person.email,
    )


def _lines(request: TokenRequest, choices: Iterable[TypeChoice], known: BatchContext) -> list[SoftwareToken]:
    lines = [
        _line(
            request,
            token_type=choice.token_type,
            line=known.frame(choice.token_type).filled(request.person, purpose=request.purpose),
            kind=choice.kind,
            predecessor_id=choice.renews.token_id if choice.renews else None,
        )
        for choice in choices
    ]
    for line in lines:
        if line.predecessor_id and line.predecessor_id in known.predecessors:
            line.predecessor = known.predecessors[line.predecessor_id]
    return lines


def _line(
    request: TokenRequest,
    *,
    token_type: TokenType,
    line: snapshot.Snapshot,
    kind: RequestKind,
    predecessor_id: uuid.UUID | None,
) -> SoftwareToken:
    return SoftwareToken(
        request=request,
        round=request.round,
        person=request.person,
        token_type=token_type,
        type_code=token_type.code,
        kind=kind,
        predecessor_id=predecessor_id,
        snapshot=line,
    )


def _take_rules(request: TokenRequest, asking: Origin, lines: Sequence[SoftwareToken]) -> None:
    """Set the number and rules of approvals on the unsaved request."""
    types = renewal_policy.types_to_approve(lines)
    request.approvals_needed = _approvals_needed(asking, types)
    request.prepared_rules = approvers.rules_of(request, types)
    request.has_approval_rules = bool(request.prepared_rules)


def _approvals_needed(asking: Origin, types: Sequence[TokenType]) -> int:
    return approvers.approvals_needed(
        types,
        requesters={asking.actor.pk, *asking.co_requesters, *asking.actor.client_makers},
        person=asking.person,
        origin=asking.origin,
    )


def _created(request: TokenRequest, lines: Iterable[SoftwareToken]) -> AuditEvent:
    return audit.event_about(
        audit.Event.REQUEST_CREATED,
        actor=request.requested_by,
        subject=request,
        types=[line.type_code for line in lines],
        approvals_needed=request.approvals_needed,
        snapshot=request.snapshot_hash,
        **({"what_for": request.purpose} if request.purpose else {}),
    )


def _ask(prepared: PreparedRequest, known: BatchContext) -> None:
    asking = approver_escalation.prepare_inquiry(
        prepared.request, known.deciders, now=timezone.now(), of_batch=known.of_batch
    )
    prepared.asked.extend(asking.asked)
    prepared.mails.extend(asking.mails)
    prepared.events.extend(asking.events)


def _invite(prepared: PreparedRequest, *, actor: Person) -> None:
    """Start the request as approved, because it needs no approval."""
    prepared.request.approve(now=timezone.now())
    invitation = step3_invite.prepare_invitation(prepared.request, actor=actor)
    prepared.roles.extend(invitation.roles)
    prepared.mails.append(invitation.mail)
    prepared.events.extend(invitation.events)
