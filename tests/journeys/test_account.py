"""The life of an account: second factors, a lost phone, sessions, single sign-on, an emergency."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings

from identity_manager.demo.visitor import Visitor
from identity_manager.models import Account, AuditEvent, Person, Role, RoleAssignment
from identity_manager.people.officers import first_officers
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.single_sign_on.conftest import (
    Provider,
    Traveller,
    configured,
    provider,
    the_provider,
)
from tests.journeys.office import PASSWORD, Office
from tests.tools import cast

__all__ = ["provider", "the_provider"]
pytestmark = pytest.mark.long
NEW_PASSWORD = "another battery, another staple"


def with_app(visitor: Visitor) -> str:
    """Set an app up as its owner does; returns its key."""
    visitor.open("/account/")
    visitor.open("/account/second-factors/app/")
    secret = factors.secret_on(visitor.page.html)
    visitor.press("Set up", code=factors.code(secret))
    factors.forget_codes()
    return secret


def codes_on(visitor: Visitor) -> list[str]:
    return re.findall(r"\d{5}-\d{5}", visitor.page.html)


def first_step(office: Office, name: str, password: str = PASSWORD) -> Visitor:
    visitor = office.visitor()
    visitor.open("/account/login/")
    visitor.press("Sign in", login=name, password=password)
    return visitor


def test_an_app_is_set_up_and_asked_for(office: Office) -> None:
    secret = with_app(office.uma)
    visitor = first_step(office, "uma")
    assert "Second step" in visitor.page.html
    visitor.press("Confirm", code=factors.code(secret))
    assert visitor.open("/account/").status == 200


def test_a_recovery_code_opens_once_when_the_phone_is_lost(office: Office) -> None:
    with_app(office.uma)
    office.uma.open("/account/recovery-codes/")
    office.uma.press("Make recovery codes")
    code = codes_on(office.uma)[0]
    first_step(office, "uma").press("Confirm", code=code)
    second = first_step(office, "uma")
    second.press("Confirm", code=code)
    assert "used already" in second.page.html
    assert AuditEvent.objects.filter(name="recovery-code.used").count() == 1


def test_an_officer_and_a_second_one_help_who_lost_everything(office: Office) -> None:
    with_app(office.uma)
    rolf = office.browser_of(cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,)))
    office.rita.open(f"/persons/{office.company.uma.pk}/sign-in-code/")
    office.rita.press("Ask for a code", "The second factors are lost, too")
    address = office.rita.page.url.removeprefix("http://localhost")
    rolf.open(address)
    rolf.press("Confirm")
    office.rita.open(address)
    office.rita.press("Make and show the code")
    code = re.sub(r"\s*-\s*", "-", "".join(office.rita.page.outputs[:1]))
    visitor = office.visitor()
    visitor.open("/account/first-sign-in/")
    visitor.press(
        "Set password and sign in", name="uma", code=code, password=NEW_PASSWORD, password_again=NEW_PASSWORD
    )
    assert visitor.open("/account/").status == 200
    assert AuditEvent.objects.filter(name="second-factors.reset").count() == 1


def test_signed_out_everywhere(office: Office) -> None:
    elsewhere = office.visitor()
    elsewhere.sign_in("uma", PASSWORD)
    office.uma.open("/account/")
    office.uma.press("Sign out everywhere")
    for visitor in (elsewhere, office.uma):
        assert "User name" in visitor.open("/account/").html


@pytest.fixture
def staff(provider: Provider, settings: Settings) -> Provider:
    configured(settings, roles={"Token desk": Role.TOKEN_ADMINISTRATOR.value})
    cache.clear()
    return provider


def arrived(staff: Provider, person: Person, *groups: str) -> tuple[Traveller, Any]:
    user = staff.user("staff", *groups)
    Person.objects.filter(pk=person.pk).update(upn=user.user_name)
    traveller = Traveller(staff)
    traveller.sign_in(user)
    return traveller, user


@pytest.mark.django_db
def test_single_sign_on_from_the_first_day_to_the_last(staff: Provider) -> None:
    nina = cast.person("nina", roles=())
    traveller, user = arrived(staff, nina, "Token desk", "Football")
    assert traveller.here.get("/search/").status_code == 200
    staff.leave(user, "Token desk")
    again = Traveller(staff)
    again.sign_in(user)
    assert again.here.get("/search/").status_code == 403
    gone = Person.objects.get(pk=nina.pk)
    gone.deactivate()
    gone.save()
    last = Traveller(staff)
    assert last.sign_in(user).status_code == 403


@pytest.mark.django_db
def test_local_sign_in_is_off_and_the_emergency_account_still_works(
    staff: Provider, settings: Settings
) -> None:
    settings.SIGN_IN_METHODS = {"console": ["sso"], "selfservice": ["sso"]}
    values = {"personnel_number": "E-1", "given_name": "Red", "surname": "Button", "email": "red@example.com"}
    account: Account = first_officers.create_officer(
        values=values, username="red", password=PASSWORD, held=[Role.SYSTEM_ADMINISTRATOR], break_glass=True
    )
    visitor = Office.visitor()
    assert 'name="password"' not in visitor.open("/account/login/").html
    visitor.open("/account/break-glass/")
    visitor.press("Sign in", login="red", password=PASSWORD)
    assert "Set up a second factor" in visitor.page.html
    with_app(visitor)
    assert visitor.open("/").status == 200
    assert RoleAssignment.objects.filter(person=account.person).exists()
    assert AuditEvent.objects.filter(name="account.break-glass-signed-in").count() == 1
