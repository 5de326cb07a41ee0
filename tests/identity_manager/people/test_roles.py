"""Who gives and takes roles (SPEC.md 2)."""

import threading
from typing import Any

import pytest
from django.db import connection

from identity_manager.audit import Event
from identity_manager.models import Account, AuditEvent, Person, Role, RoleAssignment
from identity_manager.people import roles
from identity_manager.workflow.errors import NotAllowed, NotPossible, Refused
from tests.cast import person

pytestmark = [pytest.mark.django_db, pytest.mark.database]
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
