"""Approver policy: number of approvals needed, who may decide, four-eyes rules."""

import uuid
from collections.abc import Collection, Iterable, Sequence

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    Approval,
    ApprovalPolicy,
    Person,
    RequestOrigin,
    Role,
    TokenRequest,
    TokenType,
)
from identity_manager.people import vouching_policy
from identity_manager.transactions.refusals import Reason

NOT_APPROVER = Reason(
    "not-approver", _("Only an Approver of this organisational unit decides on this request.")
)
OWN_REQUEST = Reason("own-request", _("You asked for this. Somebody else decides on it."))
OWN_TOKEN = Reason("own-token", _("This is for yourself. Somebody else decides on it."))
DECIDED_ALREADY = Reason(
    "decided-already", _("You have decided on this request. A second approver decides too.")
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
    """Number of approvals: the strictest type's; at least one for one's own token."""
    own = person.pk in requesters
    wanting = {ApprovalPolicy.ALWAYS, ApprovalPolicy.SELF_REQUESTED} if own else {ApprovalPolicy.ALWAYS}
    least = 1 if own and origin == RequestOrigin.ADMINISTRATOR else 0
    by_type = [token_type.approvers_needed for token_type in types if token_type.approval in wanting]
    return max([least, *by_type])


def approvals_needed_now(request: TokenRequest, types: Sequence[TokenType]) -> int:
    """Number of approvals for these types in the current round.

    The officer who resubmitted counts as a requester: for one's own token at least one approval.
    """
    needed = approvals_needed(
        types,
        requesters=request.co_requester_ids | {request.requested_by_id},
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


def decision_obstacle(actor: Person, request: TokenRequest) -> Reason | None:
    """Why this actor may not decide on this request, or None (four eyes, SPEC.md 1)."""
    obstacle = _decider_obstacle(actor, request)
    if obstacle is not None:
        return obstacle
    if any(each.approver_id == actor.pk for each in request.decisions):
        return DECIDED_ALREADY
    return vouching_policy.obstacle(actor, request.person)


def _decider_obstacle(actor: Person, request: TokenRequest) -> Reason | None:
    if not actor.is_active or not actor.has_role(Role.APPROVER, unit=request.person.organisational_unit):
        return NOT_APPROVER
    if request.person_id == actor.pk:
        return OWN_TOKEN
    if request.was_asked_for_by(actor):
        return OWN_REQUEST
    return None


def approvers(request: TokenRequest) -> QuerySet[Person]:
    """Who may decide on the request."""
    ids = {request.person_id, *request.requester_ids}
    holding = Person.objects.holding(Role.APPROVER, unit=request.person.organisational_unit)
    others = vouching_policy.others_than_vouched(holding.exclude(pk__in=ids), request.person)
    return others.order_by("display_name", "pk")


def undecided_approvers(request: TokenRequest) -> QuerySet[Person]:
    """Approvers who have not decided in the current round."""
    decided = Approval.objects.filter(request_id=request.pk, round=request.round).values("approver")
    return approvers(request).exclude(pk__in=decided)


def approver_levels(request: TokenRequest) -> list[list[Person]]:
    """Approvers who can still decide, by level of asking; levels are never empty.

    Manager of the person; approvers of the person's organisational unit; approvers without a limit.
    """
    return levels_among(request, undecided_approvers(request).prefetch_related("roles"))


def levels_among(request: TokenRequest, undecided: Iterable[Person]) -> list[list[Person]]:
    """These approvers by level; their roles are prefetched."""
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
