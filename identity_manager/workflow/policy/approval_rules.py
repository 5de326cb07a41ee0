"""Approval rules: which Approvers have to approve, if a token type restricts them.

A type can name an approver group and the person's manager. Without either, every Approver of the unit
decides, and the request has no rule. A rule gives no permission: only Approvers of the person's unit
decide. A manager who cannot decide is skipped, and the others approve instead.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from identity_manager import audit
from identity_manager.models import (
    Approval,
    ApprovalRule,
    ApproverGroupMember,
    Deputy,
    ManagerApproval,
    ManagerObstacle,
    Person,
    Role,
    TokenRequest,
    TokenType,
)
from identity_manager.people.officers import deputy_policy, vouching_policy
from identity_manager.people.sign_in import prediction


@dataclass(frozen=True)
class DecisionRight:
    """A permission to decide: its holder, and the deputyship by which a deputy uses it."""

    person_id: uuid.UUID
    deputyship: Deputy | None = None


def decision_rights(officer: Person, unit: str) -> list[DecisionRight]:
    """The officer's permissions to decide on requests of this unit, their own role first."""
    if not officer.is_active or not officer.has_role(Role.APPROVER, unit=unit):
        return []
    own = not officer.own_units(Role.APPROVER).isdisjoint({"", unit})
    mine = [DecisionRight(officer.pk)] if own else []
    reaching = [each for each in deputy_policy.deputyships_of(officer) if each.reaches(unit)]
    return [*mine, *(DecisionRight(each.principal_id, each) for each in reaching)]


@dataclass(frozen=True)
class Rules:
    """The present rules of a request, with the members of their groups. Empty: every Approver decides."""

    rows: Sequence[ApprovalRule] = ()
    members: Mapping[uuid.UUID, Collection[uuid.UUID]] | None = None

    @property
    def still(self) -> int:
        """The least number of missing approvals."""
        return max((row.still for row in self.rows), default=0)

    @property
    def to_be_asked(self) -> int:
        """The least number of approvers to ask: each rule may be about others."""
        return sum(row.still for row in self.rows)

    def counts_for(self, seat: DecisionRight) -> bool:
        """Whether an approval with this permission counts for a rule that still lacks one."""
        if not self.rows:
            return True
        return any(
            (row.manager_missing and seat.person_id == row.manager_id)
            or (row.missing > 0 and self._is_among(row, seat.person_id))
            for row in self.rows
        )

    def right_of(self, officer: Person, unit: str) -> DecisionRight | None:
        """The permission with which this officer decides, or None."""
        return next((seat for seat in decision_rights(officer, unit) if self.counts_for(seat)), None)

    def are_possible(self, officers: Collection[Person], unit: str) -> bool:
        """Whether these officers can satisfy every rule."""
        rights = {each.pk: decision_rights(each, unit) for each in officers}
        return all(self._is_possible(row, officers, rights) for row in self.rows)

    def _is_possible(
        self, row: ApprovalRule, officers: Iterable[Person], rights: Mapping[uuid.UUID, list[DecisionRight]]
    ) -> bool:
        managers = {pk for pk, held in rights.items() if any(s.person_id == row.manager_id for s in held)}
        others = [
            each
            for each in officers
            if any(self._is_among(row, seat.person_id) for seat in rights[each.pk])
            and not (row.manager_must and each.pk in managers)
        ]
        enough = deputy_policy.independent(others) >= row.missing
        return enough and (not row.manager_missing or bool(managers))

    def _is_among(self, row: ApprovalRule, person_id: uuid.UUID) -> bool:
        if row.group_id is None:
            return True
        in_group = person_id in (self.members or {}).get(row.group_id, ())
        return in_group or (not row.manager_must and person_id == row.manager_id)

    def count(self, approvals: Iterable[Approval]) -> None:
        """Set on each row how many approvals are missing, given those that count."""
        given = {each.seat_id for each in approvals}
        for row in self.rows:
            alone = row.manager_id if row.manager_must else None
            among = [each for each in given if each != alone and self._is_among(row, each)]
            most = row.needed - (1 if row.manager_must else 0)
            row.missing = max(0, most - len(among))
            row.manager_missing = row.manager_must and alone not in given


def of_types(request: TokenRequest, types: Iterable[TokenType], *, needed: int) -> list[ApprovalRule]:
    """Return the rules of a request for these types; empty if none restricts who decides.

    One rule for each approver_group and manager_approval of a type. needed: the least number of approvals
    that the request needs, beside those of its types.
    """
    kinds: dict[tuple[uuid.UUID | None, str], int] = {}
    for each in types:
        kind = (each.approver_group_id, each.manager_approval)
        kinds[kind] = max(kinds.get(kind, 1), each.approvers_needed)
    if set(kinds) <= {(None, ManagerApproval.NO.value)}:
        return []
    if needed > max(kinds.values()):
        kinds[None, ManagerApproval.NO.value] = needed
    obstacle = ""
    if any(manager != ManagerApproval.NO for _group, manager in kinds):
        obstacle = manager_obstacle(request)
    return [_rule(request, *kind, needed=number, obstacle=obstacle) for kind, number in kinds.items()]


def _rule(
    request: TokenRequest, group_id: uuid.UUID | None, manager: str, *, needed: int, obstacle: str
) -> ApprovalRule:
    named = manager != ManagerApproval.NO
    decides = named and not obstacle
    must = decides and manager == ManagerApproval.MUST
    return ApprovalRule(
        request=request,
        round=request.round,
        needed=needed,
        group_id=group_id,
        manager_id=request.person.manager_id if decides else None,
        manager_must=must,
        manager_obstacle=obstacle if named else "",
        missing=needed - must,
        manager_missing=must,
    )


def manager_obstacle(request: TokenRequest) -> str:
    """Why neither the person's manager nor their deputy can decide now; empty if one can."""
    person = request.person
    manager = person.manager
    if manager is None:
        return ManagerObstacle.UNKNOWN
    unit = person.organisational_unit
    deputies = deputy_policy.in_force().filter(principal=manager).select_related("deputy")
    able = [manager, *(each.deputy for each in deputies if each.reaches(unit))]
    able = [each for each in able if each.is_active and each.has_role(Role.APPROVER, unit=unit)]
    if not able:
        return ManagerObstacle.NO_APPROVER
    one = {manager.pk, *deputy_policy.principals_of(manager)}
    asked = {*request.requester_ids, request.round_started_by_id}
    if one & {person.pk, *asked}:
        return ManagerObstacle.ASKED
    vouched = vouching_policy.officers_of(person)
    if one & vouched:
        return ManagerObstacle.VOUCHED
    ways = prediction.predict(able)
    if not any(ways[each.pk].ways or ways[each.pk].has_code for each in able):
        return ManagerObstacle.NO_SIGN_IN
    return ""


def current(request: TokenRequest, approvals: Iterable[Approval]) -> Rules:
    """Return the rules as of now, given the approvals that count; a manager who cannot decide is skipped.

    In memory only: `keep` writes them.
    """
    if not request.has_approval_rules:
        return Rules()
    rows = request.prepared_rules or [
        each for each in request.approval_rules.all() if each.round == request.round
    ]
    if any(row.manager_id for row in rows) and (obstacle := manager_obstacle(request)):
        for row in rows:
            if row.manager_id is not None:
                row.manager_id, row.manager_must, row.manager_obstacle = None, False, obstacle
    rules = Rules(rows, _members(rows))
    rules.count(approvals)
    return rules


def _members(rows: Iterable[ApprovalRule]) -> dict[uuid.UUID, set[uuid.UUID]]:
    groups = {row.group_id for row in rows if row.group_id is not None}
    members: dict[uuid.UUID, set[uuid.UUID]] = {}
    if groups:
        pairs = ApproverGroupMember.objects.filter(group__in=groups).order_by()
        for group_id, person_id in pairs.values_list("group_id", "person_id"):
            members.setdefault(group_id, set()).add(person_id)
    return members


def keep(request: TokenRequest, rules: Rules) -> None:
    """Save the changed rules of a locked request, in the caller's transaction."""
    if not rules.rows:
        return
    before = {each.pk: each for each in ApprovalRule.objects.filter(request=request, round=request.round)}
    for row in rules.rows:
        was = before[row.pk]
        if was.manager_id is not None and row.manager_id is None:
            audit.record(
                audit.Event.REQUEST_MANAGER_PASSED_OVER,
                actor=None,
                subject=request,
                state=row.manager_obstacle,
            )
        if _content(was) != _content(row):
            row.save()


def _content(row: ApprovalRule) -> tuple[object, ...]:
    return row.manager_id, row.missing, row.manager_missing, row.manager_obstacle


def replace(request: TokenRequest, rows: Collection[ApprovalRule]) -> None:
    """Replace and save the rules of a locked request for its present round; the caller saves the request."""
    if request.has_approval_rules:
        ApprovalRule.objects.filter(request=request, round=request.round).delete()
    request.has_approval_rules = bool(rows)
    ApprovalRule.objects.bulk_create(rows)
