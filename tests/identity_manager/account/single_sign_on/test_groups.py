"""Groups of the provider become roles here, as far as they are mapped, and no further."""

import pytest
from pytest_django import Settings

from identity_manager.models import AuditEvent, Person, Role, RoleAssignment
from tests.identity_manager.account.sign_in.conftest import account
from tests.identity_manager.account.single_sign_on.conftest import Provider, Traveller, configured
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.long]
MAPPING = {
    "Token desk": Role.TOKEN_ADMINISTRATOR.value,
    "Approvers": Role.APPROVER.value,
    "Admins": Role.SYSTEM_ADMINISTRATOR.value,
}


@pytest.fixture(autouse=True)
def _mapped(provider: Provider, settings: Settings) -> None:
    configured(settings, roles=MAPPING)


def person(user: object, *roles: Role) -> Person:
    return cast.person("uma", upn=user.user_name, roles=roles)


def roles_of(row: Person) -> set[str]:
    return set(RoleAssignment.objects.filter(person=row).values_list("role", flat=True))


def test_a_mapped_group_gives_its_role(traveller: Traveller, provider: Provider) -> None:
    user = provider.user("uma", "Token desk", "Football")
    uma = person(user, Role.SELF_SERVICE_USER)
    assert traveller.sign_in(user)["Location"] == "/"
    assert roles_of(uma) == {"self-service-user", "token-administrator"}
    event = AuditEvent.objects.get(name="role.assigned")
    assert event.actor is None
    assert event.facts["source"] == "sso:corp"


def test_who_left_the_group_loses_the_role(traveller: Traveller, provider: Provider) -> None:
    user = provider.user("uma", "Token desk", "Football")
    uma = person(user)
    traveller.sign_in(user)
    provider.leave(user, "Token desk")
    again = Traveller(provider)
    again.sign_in(user)
    assert roles_of(uma) == set()
    event = AuditEvent.objects.get(name="role.withdrawn")
    assert (event.actor, event.facts["source"]) == (None, "sso:corp")


def test_what_is_not_mapped_stays(traveller: Traveller, provider: Provider) -> None:
    user = provider.user("uma", "Football")
    uma = person(user, Role.REGISTRATION_OFFICER, Role.APPROVER)
    traveller.sign_in(user)
    assert roles_of(uma) == {"registration-officer"}


def test_a_role_for_one_unit_stays(traveller: Traveller, provider: Provider) -> None:
    user = provider.user("uma", "Football")
    uma = person(user)
    RoleAssignment.objects.create(person=uma, role=Role.APPROVER, organisational_unit="Nord")
    traveller.sign_in(user)
    assert roles_of(uma) == {"approver"}


def test_without_the_claim_nothing_changes(traveller: Traveller, provider: Provider) -> None:
    """This provider leaves the claim out for who is in no group."""
    user = provider.user("uma")
    uma = person(user, Role.APPROVER)
    traveller.sign_in(user)
    assert roles_of(uma) == {"approver"}


def test_roles_that_watch_each_other_are_refused_and_told(traveller: Traveller, provider: Provider) -> None:
    user = provider.user("uma", "Token desk", "Approvers")
    uma = person(user)
    assert traveller.sign_in(user).status_code == 302
    assert roles_of(uma) == {"approver"}
    event = AuditEvent.objects.get(name="role.refused")
    assert event.facts == {"role": "token-administrator", "source": "sso:corp", "reason": "role-conflict"}


def test_the_last_system_administrator_stays(traveller: Traveller, provider: Provider) -> None:
    user = provider.user("uma", "Football")
    uma = person(user, Role.SYSTEM_ADMINISTRATOR)
    account(uma)
    traveller.sign_in(user)
    assert roles_of(uma) == {"system-administrator"}
    assert AuditEvent.objects.get(name="role.refused").facts["reason"] == "last-system-administrator"


def test_a_refused_sign_in_gives_no_role(traveller: Traveller, provider: Provider) -> None:
    user = provider.user("uma", "Token desk")
    uma = cast.person("uma", state="inactive", upn=user.user_name, roles=())
    traveller.sign_in(user)
    assert roles_of(uma) == set()
