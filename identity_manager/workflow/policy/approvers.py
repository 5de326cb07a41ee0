"""Approver policy: number of approvals needed, who may decide, four-eyes rules with their reasons.

models.requests.deciding has the same in SQL, for lists and counts; test_rules_agree.py compares the two.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence

from django.db.models import Q, QuerySet, prefetch_related_objects
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    Approval,
    ApprovalPolicy,
    ApprovalRule,
    Decision,
    Person,
    RequestOrigin,
    Role,
    TokenRequest,
    TokenType,
)
from identity_manager.models.people.vouching import officers_who_vouched
from identity_manager.people.officers import deputy_policy, vouching_policy
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.policy import approval_rules
from identity_manager.workflow.policy.approval_rules import DecisionRight, Rules

NOT_APPROVER = Reason(
    "not-approver", _("Only an Approver of this organisational unit decides on this request.")
)
OWN_REQUEST = Reason("own-request", _("You asked for this. Somebody else decides on it."))
OWN_TOKEN = Reason("own-token", _("This is for yourself. Somebody else decides on it."))
DECIDED_ALREADY = Reason(
    "decided-already", _("You have decided on this request. Another approver decides too.")
)
DEPUTY_OF_ASKER = Reason(
    "deputy-of-asker",
    _("You are deputy of somebody who asked for this, or whom it is for. Somebody else decides on it."),
)
DECIDED_AS_ONE = Reason(
    "decided-as-one",
    _("Your deputy, or who you are deputy of, has decided on this request: you count as one person."),
)
NOT_NAMED = Reason(
    "not-named",
    _("The token type says who approves this: an approver group, or the manager of the person."),
)
TOO_FEW_APPROVERS = Reason(
    "too-few-approvers",
    _("Nobody can approve this: there are not enough approvers for this organisational unit."),
)


def approvals_needed(
    types: Sequence[TokenType],
    *,
    requesters: Collection[uuid.UUID],
    person: Person,
    origin: RequestOrigin,
) -> int:
    """Number of approvals: that of the strictest type; at least one for the requester's own token."""
    own = person.pk in requesters
    least = 1 if own and origin == RequestOrigin.ADMINISTRATOR else 0
    by_type = [each.approvers_needed for each in _wanting(types, own=own)]
    return max([least, *by_type])


def _wanting(types: Iterable[TokenType], *, own: bool) -> list[TokenType]:
    """The types that need an approval. own: the requester is the beneficiary."""
    wanting = {ApprovalPolicy.ALWAYS, ApprovalPolicy.SELF_REQUESTED} if own else {ApprovalPolicy.ALWAYS}
    return [each for each in types if each.approval in wanting]


def approvals_needed_now(request: TokenRequest, types: Sequence[TokenType]) -> int:
    """Number of approvals for these types in the current round.

    The officer who resubmitted counts as a requester: their own token needs at least one approval.
    """
    needed = approvals_needed(
        types,
        requesters={request.requested_by_id, *request.co_requester_ids, *request.requested_by.client_makers},
        person=request.person,
        origin=RequestOrigin(request.origin),
    )
    sender = request.round_started_by
    if sender is None:
        return needed
    by_sender = approvals_needed(
        types, requesters={sender.pk}, person=request.person, origin=RequestOrigin.ADMINISTRATOR
    )
    return max(needed, by_sender)


def rules_of(request: TokenRequest, types: Iterable[TokenType]) -> list[ApprovalRule]:
    """The approval rules of these types, for a request whose approvals_needed is set."""
    if not request.approvals_needed:
        return []
    own = request.person_id in (*request.requester_ids, request.round_started_by_id)
    return approval_rules.of_types(request, _wanting(types, own=own), needed=request.approvals_needed)


def decision_obstacle(actor: Person, request: TokenRequest) -> Reason | None:
    """Why this actor may not decide on this request, or None (four eyes)."""
    obstacle = decider_obstacle(actor, request)
    if obstacle is not None:
        return obstacle
    decisions = request.decisions
    if any(each.approver_id == actor.pk for each in decisions):
        return DECIDED_ALREADY
    principals = deputy_policy.deputyships_of(actor)
    if decisions and _count_as_one({actor.pk, *(each.principal_id for each in principals)}, decisions):
        return DECIDED_AS_ONE
    for each in (actor, *(deputyship.principal for deputyship in principals)):
        vouched = vouching_policy.obstacle(each, request.person)
        if vouched is not None:
            return vouched
    return None if right_of(actor, request) else NOT_NAMED


def decider_obstacle(actor: Person, request: TokenRequest) -> Reason | None:
    """Why this actor cannot decide on such a request, whatever its decisions so far, or None."""
    if not actor.is_active or not actor.has_role(Role.APPROVER, unit=request.person.organisational_unit):
        return NOT_APPROVER
    if request.person_id == actor.pk:
        return OWN_TOKEN
    if request.was_asked_for_by(actor):
        return OWN_REQUEST
    for each in deputy_policy.deputyships_of(actor):
        if request.person_id == each.principal_id or request.was_asked_for_by(each.principal):
            return DEPUTY_OF_ASKER
    return None


def _count_as_one(one: set[uuid.UUID], decisions: Iterable[Approval]) -> bool:
    """Whether a decision is by one of these persons, as their deputy, or by who is their deputy now."""
    if any(each.approver_id in one or each.seat_id in one for each in decisions):
        return True
    deciders = [each.approver_id for each in decisions]
    return deputy_policy.in_force().filter(principal__in=one, deputy__in=deciders).exists()


def right_of(actor: Person, request: TokenRequest) -> DecisionRight | None:
    """The permission with which the actor decides on the request, or None; the actor may decide at all."""
    return rules_now(request).right_of(actor, request.person.organisational_unit)


def rules_now(request: TokenRequest) -> Rules:
    """The rules of the request, with the approvals that count now. No query if it has no rule."""
    return approval_rules.current(
        request, approvals_that_count(request) if request.has_approval_rules else ()
    )


def approvals_that_count(request: TokenRequest) -> list[Approval]:
    """The approvals of the present round that count: their approvers may still decide, or were deputies."""
    if request.prepared_rules:
        return []
    given = request.approvals.filter(round=request.round, decision=Decision.APPROVED)
    rows = given.select_related("approver", "deputyship__principal").prefetch_related("approver__roles")
    return [each for each in rows if approval_counts(each, request)]


def approval_counts(approval: Approval, request: TokenRequest) -> bool:
    """Whether the approver still holds the role and did not vouch for the person.

    A deputy's approval counts after their last day as well, while the principal holds the role; not if the
    deputyship was ended early.
    """
    giver, deputyship = approval.approver, approval.deputyship
    if deputyship is not None and deputyship.ended_at is not None:
        return False
    obstacle = decider_obstacle(giver, request)
    if obstacle == NOT_APPROVER and deputyship is not None and giver.is_active:
        obstacle = decider_obstacle(deputyship.principal, request)
    return not (obstacle or vouching_policy.obstacle(giver, request.person))


def approvers(request: TokenRequest) -> QuerySet[Person]:
    """Approvers who may decide on the request, by name."""
    ids = {request.person_id, *request.requester_ids}
    holding = Person.objects.holding(Role.APPROVER, unit=request.person.organisational_unit)
    deputies = deputy_policy.in_force().filter(principal__in=ids)
    holding = holding.exclude(pk__in=ids).exclude(pk__in=deputies.values("deputy"))
    for vouched in officers_who_vouched(request.person).values():
        deputies = deputy_policy.in_force().filter(principal__in=vouched)
        holding = holding.exclude(pk__in=deputies.values("deputy"))
    others = vouching_policy.others_than_vouched(holding, request.person)
    if request.has_approval_rules:
        others = others.filter(pk__in=[each.pk for each in by_rules(request, others)])
    return others.order_by("search_text__by_name", "pk")


def by_rules(request: TokenRequest, officers: Iterable[Person]) -> list[Person]:
    """Officers whose approval would count for the rules of the request."""
    officers = list(officers)
    prefetch_related_objects(officers, "roles")
    rules, unit = rules_now(request), request.person.organisational_unit
    return [each for each in officers if rules.right_of(each, unit)]


def undecided_approvers(request: TokenRequest) -> QuerySet[Person]:
    """Approvers who have not decided in the current round, nor has their principal or deputy."""
    given = Approval.objects.filter(request_id=request.pk, round=request.round)
    decided = given.values("approver")
    rows = approvers(request).exclude(pk__in=decided)
    if request.approvals_needed == 1:
        return rows
    stood_for = given.filter(deputyship__isnull=False).values("deputyship__principal")
    now = deputy_policy.in_force()
    principals = now.filter(deputy__in=decided).values("principal")
    one = Q(principal__in=decided) | Q(principal__in=stood_for) | Q(principal__in=principals)
    rows = rows.exclude(pk__in=stood_for).exclude(pk__in=principals)
    return rows.exclude(pk__in=now.filter(one).values("deputy"))


def enough(request: TokenRequest, undecided: Collection[Person], *, still: int) -> bool:
    """Whether these approvers can give the approvals that are missing; their roles are prefetched."""
    if request.has_approval_rules:
        return rules_now(request).are_possible(undecided, request.person.organisational_unit)
    return deputy_policy.independent(undecided) >= still


def approver_levels(request: TokenRequest) -> list[list[Person]]:
    """Approvers who can still decide, by level of asking; levels are never empty.

    Manager of the person; approvers of the person's organisational unit; approvers without a limit.
    """
    return levels_among(request, undecided_approvers(request).prefetch_related("roles"))


def levels_among(request: TokenRequest, undecided: Iterable[Person]) -> list[list[Person]]:
    """Approvers by level (manager, those of the unit, others); their roles are prefetched."""
    levels: list[list[Person]] = [[], [], []]
    for approver in undecided:
        if approver.pk == request.person.manager_id:
            levels[0].append(approver)
        else:
            levels[1 if _is_approver_of_the_unit(approver, request.person) else 2].append(approver)
    return [level for level in levels if level]


def _is_approver_of_the_unit(approver: Person, person: Person) -> bool:
    unit = person.organisational_unit
    return any(
        held.role == Role.APPROVER and held.organisational_unit == unit != "" for held in approver.roles.all()
    )


def administrators(person: Person) -> QuerySet[Person]:
    """The Software Token Administrators of the person's organisational unit."""
    return Person.objects.holding(Role.TOKEN_ADMINISTRATOR, unit=person.organisational_unit)
