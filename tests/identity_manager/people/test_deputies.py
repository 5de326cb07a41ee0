"""Deputies of Approvers: from a first to a last day, and one person with whom they stand for."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta

import pytest
import time_machine

from ca_bridge.contract import RevocationReason
from identity_manager.models import (
    Approval,
    AuditEvent,
    Deputy,
    Person,
    Role,
    RoleAssignment,
    TokenRequest,
)
from identity_manager.models.people.role import today
from identity_manager.people.officers import approver_groups, deputies, deputy_policy, roles, vouching_policy
from identity_manager.people.officers.roles import RolePeriod
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.policy import approvers
from tests.identity_manager.workflow.policy.test_approval_rules import (
    decidable,
    group_of,
    refusal_of,
    wanting,
)
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return Company()


def fortnight() -> RolePeriod:
    return RolePeriod(today(), today() + timedelta(days=14))


def stands_for(deputy: Person, principal: Person, **period: date) -> Deputy:
    ursula = Person.objects.filter(given_name="Ursula").first() or cast.person(
        "ursula", roles=(Role.USER_ADMINISTRATOR,)
    )
    return deputies.assign(
        actor=ursula,
        principal_id=principal.pk,
        deputy_id=deputy.pk,
        unit="",
        period=RolePeriod(**period) if period else fortnight(),
    )


def test_a_deputy_decides_and_the_record_says_for_whom(company: Company) -> None:
    dora = cast.person("dora", roles=())
    stands_for(dora, company.paul)
    request = cast.enabled(company.ada, company.uma, company.signature)

    assert decidable(dora, request)
    assert cast.approved(dora, request).state == "awaiting_acceptance"
    given = Approval.objects.get()
    assert given.deputyship is not None
    assert given.deputyship.principal == company.paul
    assert str(given) == "Dora Muster, deputy of Paul Weber"
    said = AuditEvent.objects.get(name="request.approved")
    assert said.facts["deputyship"] == str(given.deputyship.pk)
    assigned = AuditEvent.objects.filter(name="deputy.assigned")
    assert {event.person for event in assigned} == {company.paul, dora}
    assert not any("Dora" in str(event.facts) or "Paul" in str(event.facts) for event in (said, *assigned))


def test_it_ends_by_itself_without_a_job(company: Company) -> None:
    dora = cast.person("dora", roles=())
    stands_for(dora, company.paul)
    request = cast.enabled(company.ada, company.uma, company.signature)
    with time_machine.travel(today() + timedelta(days=15), tick=False):
        assert refusal_of(dora, request) == approvers.NOT_APPROVER


def test_it_has_not_begun_before_its_first_day(company: Company) -> None:
    dora = cast.person("dora", roles=())
    begins = today() + timedelta(days=3)
    stands_for(dora, company.paul, valid_from=begins, valid_until=begins)
    request = cast.enabled(company.ada, company.uma, company.signature)
    assert refusal_of(dora, request) == approvers.NOT_APPROVER


def test_a_deputy_does_not_approve_what_the_principal_or_they_themselves_asked_for(company: Company) -> None:
    dora = cast.person("dora", roles=(Role.SELF_SERVICE_USER,))
    RoleAssignment.objects.create(person=company.paul, role=Role.TOKEN_ADMINISTRATOR)
    stands_for(dora, company.paul)
    by_paul = cast.enabled(company.paul, company.uma, company.signature)
    assert refusal_of(dora, by_paul) == approvers.DEPUTY_OF_ASKER
    for_paul = cast.enabled(company.ada, company.paul, company.signature)
    assert refusal_of(dora, for_paul) == approvers.DEPUTY_OF_ASKER
    for_dora = cast.enabled(company.ada, dora, company.signature)
    assert refusal_of(dora, for_dora) == approvers.OWN_TOKEN


@pytest.mark.parametrize("own", ["lent role", "own role"])
@pytest.mark.parametrize("first", ["principal", "deputy"])
def test_principal_and_deputy_are_one_of_two(company: Company, own: str, first: str) -> None:
    dora = cast.person("dora", roles=(Role.APPROVER,) if own == "own role" else ())
    stands_for(dora, company.paul)
    request = cast.enabled(company.ada, company.uma, wanting(2))
    one, other = (company.paul, dora) if first == "principal" else (dora, company.paul)
    assert cast.approved(one, request).state == "requested"
    assert refusal_of(other, request) == approvers.DECIDED_AS_ONE
    assert cast.approved(company.petra, request).state == "awaiting_acceptance"


def test_two_deputies_of_one_principal_are_one_of_two(company: Company) -> None:
    dora, dina = cast.person("dora", roles=()), cast.person("dina", roles=())
    stands_for(dora, company.paul)
    stands_for(dina, company.paul)
    request = cast.enabled(company.ada, company.uma, wanting(2))
    cast.approved(dora, request)
    assert refusal_of(dina, request) == approvers.DECIDED_AS_ONE


def test_a_principal_is_one_with_their_deputy_of_last_week(company: Company) -> None:
    dora = cast.person("dora", roles=())
    stands_for(dora, company.paul)
    request = cast.enabled(company.ada, company.uma, wanting(2))
    cast.approved(dora, request)
    with time_machine.travel(today() + timedelta(days=15), tick=False):
        assert refusal_of(company.paul, request) == approvers.DECIDED_AS_ONE
        assert cast.approved(company.petra, request).state == "awaiting_acceptance"


def test_nobody_can_decide_where_only_a_principal_and_their_deputy_are_left(company: Company) -> None:
    RoleAssignment.objects.filter(person=company.petra).delete()
    stands_for(cast.person("dora", roles=()), company.paul)
    request = cast.enabled(company.ada, company.uma, wanting(2))
    assert TokenRequest.objects.get(pk=request.pk).office_told_at is not None


def test_who_are_deputies_of_each_other_count_as_one_and_of_a_chain_both_ends() -> None:
    one, two, three = (cast.person(name, roles=(Role.APPROVER,), sid="") for name in ("ole", "tom", "tim"))
    stands_for(one, two)
    stands_for(two, one)
    assert deputy_policy.independent([one, two]) == 1
    stands_for(three, two)
    assert deputy_policy.independent([one, two, three]) == 2


def test_who_the_principal_vouched_for_the_deputy_does_not_decide_for(company: Company) -> None:
    dora = cast.person("dora", roles=())
    stands_for(dora, company.paul)
    Person.objects.filter(pk=company.uma.pk).update(entered_by=company.paul)
    request = cast.enabled(company.ada, company.uma, company.signature)
    assert refusal_of(dora, request) == vouching_policy.ENTERED


def test_a_deputy_has_the_place_of_the_principal_in_a_group(company: Company) -> None:
    dora = cast.person("dora", roles=(Role.APPROVER,))
    request = cast.enabled(company.ada, company.uma, wanting(1, approver_group=group_of(company.paul)))
    assert refusal_of(dora, request) == approvers.NOT_NAMED
    stands_for(dora, company.paul)
    dora = Person.objects.get(pk=dora.pk)
    assert cast.approved(dora, request).state == "awaiting_acceptance"
    assert Approval.objects.get().seat_id == company.paul.pk


def test_what_was_approved_in_time_counts_after_the_last_day_but_not_after_an_early_end(
    company: Company,
) -> None:
    dora = cast.person("dora", roles=())
    row = stands_for(dora, company.paul)
    request = cast.enabled(company.ada, company.uma, company.signature)
    cast.approved(dora, request)
    given = Approval.objects.get()
    with time_machine.travel(today() + timedelta(days=20), tick=False):
        roles.end_overdue()
        assert approvers.approval_counts(Approval.objects.get(), request)
    deputies.end(actor=Person.objects.get(given_name="Ursula"), deputy_row_id=row.pk)
    assert not approvers.approval_counts(Approval.objects.get(pk=given.pk), request)


def test_conflicts_of_roles_apply(company: Company) -> None:
    with pytest.raises(NotPossible) as refusal:
        stands_for(company.rita, company.paul)
    assert refusal.value.reason.code == "role-conflict"


@pytest.mark.parametrize("who", ["principal", "deputy"])
def test_nobody_assigns_or_ends_what_concerns_themselves(company: Company, who: str) -> None:
    dora = cast.person("dora", roles=())
    row = stands_for(dora, company.paul)
    actor = company.paul if who == "principal" else dora
    RoleAssignment.objects.create(person=actor, role=Role.USER_ADMINISTRATOR)
    other = cast.person("dina", roles=())
    with pytest.raises(NotAllowed) as refusal:
        deputies.assign(
            actor=actor,
            principal_id=company.paul.pk,
            deputy_id=other.pk if who == "principal" else dora.pk,
            unit="",
            period=fortnight(),
        )
    assert refusal.value.reason == roles.NEVER_TO_ONESELF
    with pytest.raises(NotAllowed):
        deputies.end(actor=actor, deputy_row_id=row.pk)


def test_a_deputy_has_no_deputy(company: Company) -> None:
    dora, dina = cast.person("dora", roles=()), cast.person("dina", roles=())
    stands_for(dora, company.paul)
    with pytest.raises(Refused) as refusal:
        stands_for(dina, dora)
    assert refusal.value.reason == deputies.NOT_AN_APPROVER


def test_a_recovery_officer_has_no_deputy() -> None:
    olaf, dora = cast.person("olaf", roles=(Role.RECOVERY_OFFICER,)), cast.person("dora", roles=())
    with pytest.raises(Refused) as refusal:
        stands_for(dora, olaf)
    assert refusal.value.reason == deputies.NOT_AN_APPROVER


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [(None, 3, "valid_from"), (0, None, "valid_until"), (3, 1, "valid_until"), (0, 400, "valid_until")],
)
def test_both_days_are_needed_and_a_year_is_the_most(
    company: Company, first: int | None, last: int | None, field: str
) -> None:
    dora = cast.person("dora", roles=())
    days = [today() + timedelta(days=each) if each is not None else None for each in (first, last)]
    with pytest.raises(NotPossible) as refusal:
        stands_for(dora, company.paul, valid_from=days[0], valid_until=days[1])  # type: ignore[arg-type]  # None
    assert refusal.value.field == field
    assert not Deputy.objects.exists()


def test_it_does_not_outlast_the_role_of_the_principal(company: Company) -> None:
    RoleAssignment.objects.filter(person=company.paul).update(valid_until=today() + timedelta(days=2))
    with pytest.raises(NotPossible) as refusal:
        stands_for(cast.person("dora", roles=()), company.paul)
    assert refusal.value.reason == deputies.LONGER_THAN_THE_ROLE


def test_it_ends_with_the_role_of_the_principal_and_the_lent_role_with_it(company: Company) -> None:
    dora = cast.person("dora", roles=())
    stands_for(dora, company.paul)
    ursula = Person.objects.get(given_name="Ursula")
    roles.withdraw(actor=ursula, person_id=company.paul.pk, role=Role.APPROVER)
    assert Deputy.objects.get().ended_by == ursula
    assert not dora.roles.exists()
    with pytest.raises(Stale):
        deputies.end(actor=ursula, deputy_row_id=Deputy.objects.get().pk)


def test_it_ends_with_the_last_role_that_carries_it(company: Company) -> None:
    """A deputy of one unit rests on a role for all units, once that for the unit has ended by itself."""
    dora, paul = cast.person("dora", roles=()), company.paul
    nord = RoleAssignment.objects.create(person=paul, role=Role.APPROVER, organisational_unit="Nord")
    ursula = cast.person("ursula", roles=(Role.USER_ADMINISTRATOR,))
    deputies.assign(actor=ursula, principal_id=paul.pk, deputy_id=dora.pk, unit="Nord", period=fortnight())
    RoleAssignment.objects.filter(pk=nord.pk).update(valid_until=today())
    with time_machine.travel(today() + timedelta(days=1), tick=False):
        roles.end_overdue()
        assert dora.roles.exists()
        roles.withdraw(actor=ursula, person_id=paul.pk, role=Role.APPROVER)
        assert Deputy.objects.get().ended_by == ursula
        assert not dora.roles.exists()


def test_a_deputy_of_a_unit_stays_where_the_role_for_it_stays(company: Company) -> None:
    dora, paul = cast.person("dora", roles=()), company.paul
    RoleAssignment.objects.create(person=paul, role=Role.APPROVER, organisational_unit="Nord")
    ursula = cast.person("ursula", roles=(Role.USER_ADMINISTRATOR,))
    deputies.assign(actor=ursula, principal_id=paul.pk, deputy_id=dora.pk, unit="Nord", period=fortnight())
    roles.withdraw(actor=ursula, person_id=paul.pk, role=Role.APPROVER)
    assert Deputy.objects.get().ended_at is None
    assert dora.roles.exists()


def test_leave_of_the_principal_leaves_the_deputy_and_a_lock_does_not(company: Company) -> None:
    dora, rolf = cast.person("dora", roles=()), cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,))
    stands_for(dora, company.paul)
    leave_and_return.deactivate(actor=rolf, person_id=company.paul.pk, reason="away")
    request = cast.enabled(company.ada, company.uma, company.signature)
    assert request in TokenRequest.objects.decidable_by(dora, list(Deputy.objects.all()))
    leave_and_return.lock(
        actor=rolf, person_id=company.paul.pk, reason=RevocationReason.CESSATION_OF_OPERATION
    )
    assert not dora.roles.exists()


def test_a_lent_role_is_no_way_into_a_group(company: Company) -> None:
    dora = cast.person("dora", roles=())
    stands_for(dora, company.paul)
    group = group_of()
    with pytest.raises(NotPossible):
        approver_groups.add(
            actor=Person.objects.get(given_name="Ursula"), group_id=group.pk, person_id=dora.pk
        )


def test_the_one_approver_road_asks_nothing_of_deputies(
    company: Company, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    paul = Person.objects.prefetch_related("roles").get(pk=company.paul.pk)
    with django_assert_num_queries(0):
        assert deputy_policy.deputyships_of(paul) == []
