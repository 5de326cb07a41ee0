"""Who gives and takes roles."""

import threading
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from identity_manager.audit import Event
from identity_manager.models import Account, AuditEvent, Person, Role, RoleAssignment
from identity_manager.models.people.role import today
from identity_manager.people.officers import roles
from identity_manager.people.officers.roles import RolePeriod
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused
from tests.tools.cast import person

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]
SYSTEM, USERS = Role.SYSTEM_ADMINISTRATOR, Role.USER_ADMINISTRATOR


def officer(name: str, *held: Role, unit: str = "") -> Person:
    row = person(name, roles=())
    for role in held:
        RoleAssignment.objects.create(person=row, role=role, organisational_unit=unit)
    Account.objects.create_account(username=name, person=row, password=None)
    return row


def test_a_user_administrator_assigns_and_withdraws_and_it_is_audited() -> None:
    ulf, uma = officer("ulf", USERS), person("uma", roles=())
    given = roles.assign(actor=ulf, person_id=uma.pk, role=Role.APPROVER, unit="Nord")
    assert (given.person, given.role, given.organisational_unit, given.assigned_by) == (
        uma,
        "approver",
        "Nord",
        ulf,
    )
    roles.withdraw(actor=ulf, person_id=uma.pk, role=Role.APPROVER, unit="Nord")
    assert not RoleAssignment.objects.filter(person=uma).exists()
    events = AuditEvent.objects.filter(person=uma).values_list("name", "actor", "facts")
    facts = {"role": "approver", "unit": "Nord"}
    assert list(events) == [
        (Event.ROLE_ASSIGNED.value, ulf.pk, facts),
        (Event.ROLE_WITHDRAWN.value, ulf.pk, facts),
    ]


@pytest.mark.parametrize("role", [role for role in Role if role != USERS])
def test_nobody_else_assigns_but_a_registration_officer_self_service(role: Role) -> None:
    actor, uma = officer("x", role), person("uma", roles=())
    for wanted in Role:
        if role == Role.REGISTRATION_OFFICER and wanted == Role.SELF_SERVICE_USER:
            assert roles.assign(actor=actor, person_id=uma.pk, role=wanted).role == wanted
        else:
            with pytest.raises(NotAllowed):
                roles.assign(actor=actor, person_id=uma.pk, role=wanted)


def test_a_registration_officer_withdraws_nothing() -> None:
    rita, uma = officer("rita", Role.REGISTRATION_OFFICER), person("uma")
    with pytest.raises(NotAllowed):
        roles.withdraw(actor=rita, person_id=uma.pk, role=Role.SELF_SERVICE_USER)


def test_who_is_not_active_assigns_nothing() -> None:
    ulf, uma = officer("ulf", USERS), person("uma", roles=())
    ulf.deactivate()
    ulf.save()
    with pytest.raises(NotAllowed):
        roles.assign(actor=ulf, person_id=uma.pk, role=Role.APPROVER)


def test_never_to_oneself() -> None:
    ulf = officer("ulf", USERS)
    with pytest.raises(NotAllowed, match="of their own"):
        roles.assign(actor=ulf, person_id=ulf.pk, role=Role.APPROVER)
    with pytest.raises(NotAllowed, match="of their own"):
        roles.withdraw(actor=ulf, person_id=ulf.pk, role=USERS)


def test_who_administers_a_unit_reaches_neither_beyond_it_nor_above_it() -> None:
    ulf = officer("ulf", USERS, unit="Nord")
    inside, outside = person("in", roles=()), person("out", roles=(), organisational_unit="Sued")
    assert roles.assign(actor=ulf, person_id=inside.pk, role=Role.APPROVER, unit="Nord")
    for target, unit in ((outside, "Nord"), (inside, ""), (inside, "Sued")):
        with pytest.raises(NotAllowed):
            roles.assign(actor=ulf, person_id=target.pk, role=Role.RECOVERY_OFFICER, unit=unit)


@pytest.mark.parametrize("state", ["registered", "inactive", "locked"])
def test_only_an_active_person_gets_a_role(state: str) -> None:
    ulf, uma = officer("ulf", USERS), person("uma", state=state, roles=())
    with pytest.raises(NotPossible, match="Active"):
        roles.assign(actor=ulf, person_id=uma.pk, role=Role.APPROVER)


def test_a_role_is_given_once() -> None:
    ulf, uma = officer("ulf", USERS), person("uma", roles=())
    roles.assign(actor=ulf, person_id=uma.pk, role=Role.APPROVER)
    with pytest.raises(NotPossible, match="already"):
        roles.assign(actor=ulf, person_id=uma.pk, role=Role.APPROVER)
    with pytest.raises(NotPossible, match="does not have"):
        roles.withdraw(actor=ulf, person_id=uma.pk, role=Role.AUDITOR)
    assert RoleAssignment.objects.filter(person=uma).count() == 1


@pytest.mark.parametrize(
    ("held", "wanted", "together"),
    [
        (Role.TOKEN_ADMINISTRATOR, Role.APPROVER, False),
        (Role.APPROVER, Role.TOKEN_ADMINISTRATOR, False),
        (Role.AUDITOR, Role.RECOVERY_OFFICER, False),
        (Role.REGISTRATION_OFFICER, Role.TOKEN_ADMINISTRATOR, False),
        (Role.REGISTRATION_OFFICER, USERS, False),
        (USERS, Role.REGISTRATION_OFFICER, False),
        (Role.REGISTRATION_OFFICER, Role.APPROVER, False),
        (Role.REGISTRATION_OFFICER, Role.RECOVERY_OFFICER, False),
        (Role.RECOVERY_OFFICER, Role.TOKEN_ADMINISTRATOR, False),
        (Role.RECOVERY_OFFICER, SYSTEM, False),
        (SYSTEM, Role.AUDITOR, False),
        (Role.AUDITOR, Role.SELF_SERVICE_USER, True),
        (SYSTEM, USERS, True),
        (Role.APPROVER, Role.RECOVERY_OFFICER, True),
    ],
)
def test_roles_that_watch_each_other_are_kept_apart(
    *, held: Role, wanted: Role, together: bool, settings: Any
) -> None:
    ulf, uma = officer("ulf", USERS), person("uma", roles=(held,))
    if not together:
        with pytest.raises(NotPossible, match="together") as refused:
            roles.assign(actor=ulf, person_id=uma.pk, role=wanted, unit="Nord")
        assert refused.value.field == "role"
        settings.ALLOW_CONFLICTING_ROLES = True
    assert roles.assign(actor=ulf, person_id=uma.pk, role=wanted)


def test_the_last_system_administrator_who_can_sign_in_stays() -> None:
    ulf, sven, other = officer("ulf", USERS), officer("sven", SYSTEM), officer("other", SYSTEM)
    Account.objects.filter(person=other).update(is_active=False)
    with pytest.raises(NotPossible, match="last"):
        roles.withdraw(actor=ulf, person_id=sven.pk, role=SYSTEM)
    Account.objects.filter(person=other).update(is_active=True)
    roles.withdraw(actor=ulf, person_id=sven.pk, role=SYSTEM)
    with pytest.raises(NotPossible, match="last"):
        roles.withdraw(actor=ulf, person_id=other.pk, role=SYSTEM)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_withdraw_the_last_two_at_once_one_is_refused() -> None:
    ulf, una = officer("ulf", USERS), officer("una", USERS)
    last = [officer("sven", SYSTEM), officer("sara", SYSTEM)]
    barrier, refusals = threading.Barrier(2), []

    def withdraw(actor: Person, target: Person) -> None:
        try:
            barrier.wait()
            roles.withdraw(actor=actor, person_id=target.pk, role=SYSTEM)
        except Refused as error:
            refusals.append(error.reason)
        finally:
            connection.close()

    threads = [threading.Thread(target=withdraw, args=pair) for pair in zip((ulf, una), last, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusals == [roles.LAST_SYSTEM_ADMINISTRATOR]
    assert RoleAssignment.objects.filter(role=SYSTEM).count() == 1


# --- For a time -----------------------------------------------------------------------------------


def test_a_role_is_in_force_from_its_first_to_its_last_day() -> None:
    ulf, uma = officer("ulf", USERS), person("uma", roles=())
    period = RolePeriod(date(2027, 1, 4), date(2027, 1, 8))
    roles.assign(actor=ulf, person_id=uma.pk, role=Role.APPROVER, period=period)
    for day, in_force in ((3, False), (4, True), (8, True), (9, False)):
        with time_machine.travel(f"2027-01-{day:02d} 12:00+01:00", tick=False):
            again = Person.objects.get(pk=uma.pk)
            assert again.has_role(Role.APPROVER) is in_force
            assert (again in Person.objects.holding(Role.APPROVER)) is in_force


def test_the_day_is_the_installations_not_the_readers() -> None:
    ulf, uma = officer("ulf", USERS), person("uma", roles=())
    roles.assign(
        actor=ulf, person_id=uma.pk, role=Role.APPROVER, period=RolePeriod(valid_until=date(2027, 1, 8))
    )
    with time_machine.travel("2027-01-08 22:59+00:00", tick=False):  # 23:59 in Berlin
        assert Person.objects.get(pk=uma.pk).has_role(Role.APPROVER)
    with time_machine.travel("2027-01-08 23:01+00:00", tick=False):
        assert not Person.objects.get(pk=uma.pk).has_role(Role.APPROVER)


@pytest.mark.parametrize(
    ("begins", "ends", "code"), [(5, 4, "ends-before-it-begins"), (None, -1, "ended-already")]
)
def test_a_period_that_is_no_time_is_refused(begins: int | None, ends: int, code: str) -> None:
    ulf, uma = officer("ulf", USERS), person("uma", roles=())
    first = None if begins is None else today() + timedelta(days=begins)
    period = RolePeriod(first, today() + timedelta(days=ends))
    with pytest.raises(NotPossible) as refusal:
        roles.assign(actor=ulf, person_id=uma.pk, role=Role.APPROVER, period=period)
    assert (refusal.value.reason.code, refusal.value.field) == (code, "valid_until")
    assert not RoleAssignment.objects.filter(person=uma).exists()


def test_a_role_that_ended_gives_nothing_is_cleared_away_and_can_be_given_again() -> None:
    ulf, uma = officer("ulf", USERS), person("uma", roles=())
    RoleAssignment.objects.create(person=uma, role=Role.APPROVER, valid_until=today() - timedelta(days=1))
    RoleAssignment.objects.create(person=uma, role=Role.AUDITOR, valid_until=today() - timedelta(days=9))
    RoleAssignment.objects.create(person=uma, role=Role.SELF_SERVICE_USER, valid_until=today())
    given = roles.assign(actor=ulf, person_id=uma.pk, role=Role.APPROVER)
    assert (given.valid_from, given.valid_until) == (None, None)
    assert roles.end_overdue() == 1
    assert set(uma.roles.values_list("role", flat=True)) == {"approver", "self-service-user"}
    last = AuditEvent.objects.filter(person=uma).last()
    assert last is not None
    assert (last.name, last.actor, last.facts["role"]) == (Event.ROLE_ENDED.value, None, "auditor")


def test_a_role_that_begins_later_conflicts_today() -> None:
    ulf, uma = officer("ulf", USERS), person("uma", roles=())
    later = RolePeriod(valid_from=today() + timedelta(days=30))
    roles.assign(actor=ulf, person_id=uma.pk, role=Role.TOKEN_ADMINISTRATOR, period=later)
    with pytest.raises(NotPossible) as refusal:
        roles.assign(actor=ulf, person_id=uma.pk, role=Role.APPROVER)
    assert "Software Token Administrator" in str(refusal.value)
    assert refusal.value.field == "role"


@pytest.mark.parametrize("period", [RolePeriod(valid_until=date(2099, 1, 1)), RolePeriod(date(2098, 1, 1))])
def test_who_is_no_system_administrator_for_good_does_not_make_another_one_the_last(
    period: RolePeriod,
) -> None:
    ulf, xenia, sven = officer("ulf", USERS), officer("xenia"), officer("sven", SYSTEM)
    roles.assign(actor=ulf, person_id=xenia.pk, role=SYSTEM, period=period)
    with pytest.raises(NotPossible) as refusal:
        roles.withdraw(actor=ulf, person_id=sven.pk, role=SYSTEM)
    assert refusal.value.reason is roles.LAST_SYSTEM_ADMINISTRATOR
