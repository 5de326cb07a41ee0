"""Four-eyes conditions on requests in SQL: exclusions of an officer, with deputies and approval rules.

workflow.policy.approvers has the same in Python; tests/identity_manager/models/test_rules_agree.py compares.
"""

import uuid
from collections.abc import Collection, Iterator
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q

from identity_manager.models.api.client import ApiClient
from identity_manager.models.people.approver_group import ApproverGroupMember
from identity_manager.models.people.deputy import Deputy
from identity_manager.models.people.person import NOTHING, Person
from identity_manager.models.people.role import Role, today
from identity_manager.models.people.vouching import vouched_by
from identity_manager.models.requests.approval import Approval, ApprovalRule
from identity_manager.models.requests.co_requester import CoRequester


def not_decidable(officer: Person, deputyships: Collection[Deputy], now: datetime) -> Iterator[Q]:
    """Conditions for requests on which the officer must not decide, whatever their role, one for each reason.

    The requester, or maker of the API client that is; the beneficiary; who has decided in this round; who
    vouched for the person (people.vouching); who is named by no rule of the request.
    """
    ids = [officer.pk, *(each.principal_id for each in deputyships)]
    yield Q(person__in=ids) | Q(requested_by__in=ids)
    yield Q(round_started_by__in=ids, round_started_by__isnull=False)
    decisions = Approval.objects.filter(round=F("request__round")).order_by()
    for condition in _by_one_of(ids):
        yield Q(pk__in=decisions.filter(condition).values("request"))
    for each in ids:
        yield Q(requested_by__in=ApiClient.objects.actors_made_by(each))
        yield Q(pk__in=CoRequester.objects.filter(person=each).order_by().values("request"))
        yield from vouched_by(each, now).values()
    yield Q(has_approval_rules=True) & ~Q(_named_by_rules(officer, deputyships))


def _by_one_of(ids: Collection[uuid.UUID]) -> tuple[Q, Q, Q]:
    """Decisions by these persons, on behalf of one of them, or by who is their deputy today."""
    deputies = Deputy.objects.in_force(today()).filter(principal__in=ids).values("deputy")
    return Q(approver__in=ids), Q(deputyship__principal__in=ids), Q(approver__in=deputies)


def _named_by_rules(officer: Person, deputyships: Collection[Deputy]) -> Exists:
    """Requests with a rule that lacks an approval which the officer can give."""
    rules = ApprovalRule.objects.filter(request=OuterRef("pk"), round=OuterRef("round"))
    named = NOTHING
    seats = [(officer.pk, officer.own_units(Role.APPROVER))]
    seats += [(each.principal_id, {each.organisational_unit}) for each in deputyships]
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
