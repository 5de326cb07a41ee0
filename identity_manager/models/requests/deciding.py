"""Four-eyes conditions on requests in SQL: exclusions of an officer, with deputies and approval rules.

workflow.policy.approvers has the same in Python; tests/identity_manager/models/test_rules_agree.py compares.
"""

import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime

from django.db.models import Exists, F, OuterRef, Q

from identity_manager.models.api.client import ApiClient
from identity_manager.models.people.approver_group import ApproverGroupMember
from identity_manager.models.people.deputy import Deputy
from identity_manager.models.people.person import NOTHING, Person
from identity_manager.models.people.role import Role
from identity_manager.models.people.vouching import vouched_by
from identity_manager.models.requests.approval import Approval, ApprovalRule
from identity_manager.models.requests.co_requester import CoRequester

Seat = tuple[uuid.UUID, Collection[str]]  # of an approver or principal: their key, and units (empty: all)


def seats_of(officer: Person, deputyships: Collection[Deputy]) -> list[Seat]:
    """For whom the officer decides: themselves first, and the principals of these deputyships."""
    own = officer.pk, officer.own_units(Role.APPROVER)
    return [own, *((each.principal_id, {each.organisational_unit}) for each in deputyships)]


def not_decidable(seats: Sequence[Seat], now: datetime, day: date) -> Iterator[Q]:
    """Conditions for requests on which who has these seats must not decide, one for each reason.

    The requester, or maker of the API client that is; the beneficiary; who has decided in this round; who
    vouched for the person (people.vouching); who is named by no rule of the request. day: today. In a
    prepared query keys and moments are placeholders, which Django takes for `__id`, not for a relation.
    """
    ids = [key for key, _units in seats]
    yield Q(person__id__in=ids) | Q(requested_by__id__in=ids)
    yield Q(round_started_by__id__in=ids, round_started_by__isnull=False)
    decisions = Approval.objects.filter(round=F("request__round")).order_by()
    for condition in _by_one_of(ids, day):
        yield Q(pk__in=decisions.filter(condition).values("request"))
    for each in ids:
        yield Q(requested_by__in=ApiClient.objects.actors_made_by(each))
        yield Q(pk__in=CoRequester.objects.filter(person=each).order_by().values("request"))
        yield from vouched_by(each, now).values()
    yield Q(has_approval_rules=True) & ~Q(_named_by_rules(seats))


def _by_one_of(ids: Collection[uuid.UUID], day: date) -> tuple[Q, Q, Q]:
    """Decisions by these persons, on behalf of one of them, or by who is their deputy on that day."""
    deputies = Deputy.objects.in_force(day).filter(principal__id__in=ids).values("deputy")
    return Q(approver__id__in=ids), Q(deputyship__principal__id__in=ids), Q(approver__in=deputies)


def _named_by_rules(seats: Sequence[Seat]) -> Exists:
    """Requests with a rule that lacks an approval which one of these can give."""
    rules = ApprovalRule.objects.filter(request=OuterRef("pk"), round=OuterRef("round"))
    named = NOTHING
    for person_id, units in seats:
        if units:
            named |= _within(units) & _named(person_id)
    return Exists(rules.filter(named))


def _within(units: Collection[str]) -> Q:
    return Q() if "" in units else Q(request__person__organisational_unit__in=units)


def _named(person_id: uuid.UUID) -> Q:
    member = Exists(ApproverGroupMember.objects.filter(group=OuterRef("group"), person=person_id))
    others = Q(group=None) | Q(member) | Q(manager=person_id, manager_must=False)
    alone = Q(manager_must=True, manager=person_id)
    return (Q(missing__gt=0) & others & ~alone) | Q(manager_missing=True, manager=person_id)
