"""Which ways of signing in open which portal, the account for emergencies, and confirming at the provider."""

import re
import time
from io import StringIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from identity_manager.account.single_sign_on import sso
from identity_manager.models import Account, AuditEvent, OutgoingMail, Person, Role
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import PASSWORD, account
from tests.identity_manager.account.single_sign_on.conftest import Provider, Traveller, configured
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.long]
EMERGENCY = "/account/break-glass/"
BOTH = ("console", "selfservice")


def only(settings: Settings, *ways: str, portals: tuple[str, ...] = BOTH) -> None:
    settings.SIGN_IN_METHODS = {**settings.SIGN_IN_METHODS, **{portal: list(ways) for portal in portals}}


@pytest.fixture
def uma(provider: Provider) -> Person:
    return cast.person("uma")


def arrived(traveller: Traveller, provider: Provider, person: Person) -> object:
    user = provider.user("uma")
    Person.objects.filter(pk=person.pk).update(upn=user.user_name)
    assert traveller.sign_in(user).status_code == 302
    return user


# --- Local sign-in off
def test_local_sign_in_can_be_off(uma: Person, settings: Settings) -> None:
    only(settings, "sso")
    account(uma)
    client = Client()
    page = client.get("/account/login/").content.decode()
    assert 'name="password"' not in page
    assert "passkey" not in page.split("<main")[1]
    assert "Sign in with Example login" in page
    assert client.post("/account/login/", {"login": "uma", "password": PASSWORD}).status_code == 403
    assert client.get("/account/first-sign-in/").status_code == 404
    assert client.post("/account/first-sign-in/", {}).status_code == 404
    assert client.post("/account/login/passkey/", {}).status_code == 404
    assert client.post("/account/login/passkey/options/", {}).status_code == 404
    assert not factors.is_signed_in(client)
    assert not AuditEvent.objects.filter(name="account.signed-in").exists()


def test_single_sign_on_can_be_off(uma: Person, settings: Settings) -> None:
    only(settings, "password")
    assert "Example login" not in Client().get("/account/login/").content.decode()
    assert Client().post("/account/sso/corp/").status_code == 404


def test_each_portal_has_ways_of_its_own(settings: Settings, provider: Provider) -> None:
    only(settings, "sso", portals=("console",))
    ada = account(cast.person("ada", roles=(Role.TOKEN_ADMINISTRATOR, Role.SELF_SERVICE_USER)))
    client = factors.signed_in(ada)
    assert client.get("/my/").status_code == 200
    assert client.get("/")["Location"] == "/account/another-way/console/"
    assert client.post("/search/")["Location"] == "/account/another-way/console/"
    page = client.get("/account/another-way/console/").content.decode()
    assert "your organisation" in page
    traveller = Traveller(provider)
    user = provider.user("ada")
    Person.objects.filter(pk=ada.person_id).update(upn=user.user_name)
    traveller.sign_in(user)
    assert traveller.here.get("/").status_code == 200


# --- The account for emergencies
@pytest.fixture
def officer(tmp_path: Path, provider: Provider, settings: Settings) -> Account:
    """Made as the operator makes it; everybody else needs single sign-on."""
    only(settings, "sso")
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    call_command(
        "create_officer",
        "--break-glass",
        *("--username", "red"),
        *("--personnel-number", "E-1"),
        *("--given-name", "Red"),
        *("--surname", "Button"),
        *("--email", "red@example.com"),
        *("--role", "system-administrator"),
        *("--password-file", str(password)),
        stdout=StringIO(),
    )
    return Account.objects.get(username="red")


def test_it_signs_in_past_single_sign_on_and_everybody_is_told(officer: Account) -> None:
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    factors.with_app(officer)
    client = Client()
    response = client.post(EMERGENCY, {"login": "red", "password": PASSWORD})
    assert response["Location"] == "/account/login/second-step/"
    assert not AuditEvent.objects.filter(name="account.break-glass-signed-in").exists()
    client.post("/account/login/second-step/", {"code": factors.code()})
    assert client.get("/").status_code == 200
    assert AuditEvent.objects.get(name="account.break-glass-signed-in").person == officer.person
    assert OutgoingMail.objects.get(message="break_glass_used").person == sven


def test_its_second_step_leads_to_no_page_that_is_not_there(officer: Account) -> None:
    """One-time codes set passwords, which nobody else signs in with here."""
    factors.with_app(officer)
    client = Client()
    client.post(EMERGENCY, {"login": "red", "password": PASSWORD})
    page = client.get("/account/login/second-step/").text
    assert "Second step" in page
    assert client.get("/account/first-sign-in/").status_code == 404
    assert 'href="/account/first-sign-in/"' not in page


def test_it_needs_a_second_factor_even_where_others_do_not(officer: Account, settings: Settings) -> None:
    settings.OFFICERS_NEED_SECOND_FACTOR = False
    client = Client()
    client.post(EMERGENCY, {"login": "red", "password": PASSWORD})
    assert client.get("/")["Location"] == "/account/second-factors/needed/"


def test_everybody_is_told_at_the_usual_page_too(officer: Account, settings: Settings) -> None:
    only(settings, "password")
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    Client().post("/account/login/", {"login": "red", "password": PASSWORD})
    assert AuditEvent.objects.filter(name="account.break-glass-signed-in").count() == 1
    assert OutgoingMail.objects.get(message="break_glass_used").person == sven


def test_its_pages_say_what_it_is(officer: Account, settings: Settings) -> None:
    only(settings, "password")
    client = factors.signed_in(officer)
    rita = factors.signed_in(account(cast.person("rita", roles=(Role.REGISTRATION_OFFICER,))))
    for browser, page in ((client, "/account/"), (rita, f"/persons/{officer.person_id}/")):
        assert "This is an emergency account" in browser.get(page).text
    assert "This is an emergency account" not in rita.get("/account/").text
    assert "Emergency account" in rita.get(f"/persons/{officer.person_id}/").text


def test_nobody_else_gets_in_there_and_the_answer_is_that_of_a_wrong_password(officer: Account) -> None:
    account(cast.person("ada"))
    answers = [
        re.sub(r'(value|X-CSRFToken)[":=\s]+"[^"]*"', "", Client().post(EMERGENCY, typed).content.decode())
        for typed in (
            {"login": "ada", "password": PASSWORD},
            {"login": "ada", "password": "wrong"},
            {"login": "nobody", "password": "wrong"},
        )
    ]
    assert len(set(answers)) == 1
    assert "do not fit together" in answers[0]
    assert not AuditEvent.objects.filter(name="account.signed-in").exists()


def test_the_usual_page_stays_closed_for_it(officer: Account) -> None:
    assert Client().post("/account/login/", {"login": "red", "password": PASSWORD}).status_code == 403


def test_guessing_there_locks_out(officer: Account) -> None:
    statuses = [
        Client().post(EMERGENCY, {"login": "red", "password": f"wrong {n}"}).status_code for n in range(6)
    ]
    assert statuses == [422] * 5 + [429]


# --- Confirming
def test_who_came_from_there_confirms_there(traveller: Traveller, provider: Provider, uma: Person) -> None:
    user = arrived(traveller, provider, uma)
    with factors.later(3600):
        page = traveller.here.get("/account/passkeys/add/")
        assert page["Location"].startswith("/account/reauthenticate/?next=")
        body = traveller.here.get(page["Location"]).content.decode()
        assert "Confirm with Example login" in body
        assert 'name="password"' not in body
    address = traveller.start(next="/account/passkeys/add/")
    asked = parse_qs(urlsplit(address).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["300"])
    before = traveller.here.session.session_key
    time.sleep(1.1)  # the provider counts in whole seconds
    back = traveller.at_the_provider(address, user)
    assert traveller.arrive(back)["Location"] == "/account/passkeys/add/"
    assert traveller.records[-1]["reauthenticated"] is True
    assert traveller.here.session.session_key != before
    assert traveller.here.get("/account/passkeys/add/").status_code == 200


def test_who_has_a_password_too_can_confirm_where_they_came_from(
    traveller: Traveller, provider: Provider, uma: Person
) -> None:
    user = arrived(traveller, provider, uma)
    account = Account.objects.get(person=uma)
    account.set_password(PASSWORD)
    account.save()
    again = Traveller(provider)
    again.sign_in(user)
    with factors.later(3600):
        page = again.here.get("/account/passkeys/add/")
        assert "Confirm with Example login" in again.here.get(page["Location"]).content.decode()


def test_an_old_sign_in_there_is_no_confirmation(
    traveller: Traveller, provider: Provider, uma: Person
) -> None:
    """Somebody takes the question for a fresh sign-in out of the address."""
    user = arrived(traveller, provider, uma)
    with factors.later(3600):
        address = traveller.start(next="/account/passkeys/add/")
        weakened = address.replace("&prompt=login", "").replace("max_age=300", "max_age=99999")
        back = traveller.at_the_provider(weakened, user)
        assert traveller.arrive(back).status_code == 502


def test_somebody_else_does_not_confirm(traveller: Traveller, provider: Provider, uma: Person) -> None:
    arrived(traveller, provider, uma)
    sam = provider.user("sam")
    cast.person("sam", upn=sam.user_name)
    other = Traveller(provider)
    back = other.at_the_provider(traveller.start(), sam)
    response = traveller.arrive(back)
    assert response.status_code == 403
    assert "somebody else than here" in response.content.decode()
    assert len(traveller.records) == 1


def test_the_moment_is_the_providers(traveller: Traveller, provider: Provider, uma: Person) -> None:
    """A session there from this morning is no fresh sign-in here."""
    user = arrived(traveller, provider, uma)
    first = traveller.records[0]["at"]
    time.sleep(1.1)
    traveller.here.post("/account/logout/")
    traveller.sign_in(user)
    assert int(traveller.records[-1]["at"]) == int(first)


# --- The second factor
def test_a_local_second_factor_is_asked_for(traveller: Traveller, provider: Provider, uma: Person) -> None:
    user = arrived(traveller, provider, uma)
    factors.with_app(Account.objects.select_related("person").get(person=uma))
    again = Traveller(provider)
    assert again.sign_in(user)["Location"] == "/account/login/second-step/"
    assert not again.is_signed_in


def test_a_provider_that_asks_for_one_is_believed(
    traveller: Traveller, provider: Provider, settings: Settings
) -> None:
    settings.OFFICERS_NEED_SECOND_FACTOR = True
    ada = cast.person("ada")
    user = arrived(traveller, provider, ada)
    assert traveller.here.get("/")["Location"] == "/account/second-factors/needed/"
    configured(settings, asks_second_factor=True, amr_values=("pwd",))  # the best that this one says
    assert traveller.here.get("/").status_code == 200
    factors.with_app(Account.objects.select_related("person").get(person=ada))
    again = Traveller(provider)
    assert again.sign_in(user)["Location"] == "/"


def test_a_provider_that_says_nothing_of_a_second_factor_is_not_believed(
    traveller: Traveller, provider: Provider, uma: Person, settings: Settings
) -> None:
    """This one says amr ["pwd"]: what it was asked for is no proof of what it did."""
    configured(settings, asks_second_factor=True, amr_values=("mfa",), acr_values=("urn:example:two",))
    user = provider.user("uma")
    Person.objects.filter(pk=uma.pk).update(upn=user.user_name)
    response = traveller.sign_in(user)
    assert response.status_code == 403
    assert "did not confirm that you showed a second factor" in response.text
    assert not traveller.is_signed_in
    event = AuditEvent.objects.get(name="account.sign-in-failed")
    assert event.facts == {"method": "sso:corp", "reason": "sso-no-second-factor"}


def test_the_proof_of_a_second_factor_is_asked_for(traveller: Traveller, settings: Settings) -> None:
    configured(settings, asks_second_factor=True, acr_values=("urn:example:two", "urn:example:three"))
    asked = parse_qs(urlsplit(traveller.start()).query)
    assert asked["acr_values"] == ["urn:example:two urn:example:three"]


@pytest.mark.parametrize(
    ("claims", "proves"),
    [
        ({"acr": "two"}, True),
        ({"acr": "one", "amr": ["pwd", "mfa"]}, True),
        ({"acr": ["two"]}, False),
        ({"amr": "mfa"}, False),
        ({"amr": [["mfa"], 7]}, False),
        ({}, False),
    ],
)
def test_which_claims_prove_it(provider: Provider, claims: dict[str, object], *, proves: bool) -> None:
    known = provider.settings(second_factor="provider", acr_values=["two"], amr_values=["mfa"])
    assert sso.proves_second_factor(claims, known) is proves


def test_the_address_adds_nothing_to_the_question(traveller: Traveller) -> None:
    """allauth's own page would take auth_params from there, and with them another acr_values or prompt."""
    wish = "?auth_params=prompt%3Dnone%26acr_values%3Dzero&scope=admin"
    address = traveller.here.post(f"/account/sso/corp/{wish}", {"auth_params": "prompt=none"})["Location"]
    asked = parse_qs(urlsplit(address).query)
    assert not {"prompt", "acr_values"} & set(asked)
    assert "admin" not in asked["scope"][0]


def test_who_has_a_second_factor_here_confirms_with_it(
    traveller: Traveller, provider: Provider, uma: Person
) -> None:
    """Else the sign-in there, which is a first step alone, would stand in for both."""
    user = arrived(traveller, provider, uma)
    factors.with_app(Account.objects.get(person=uma))
    before = traveller.records
    address = traveller.start(next="/account/recovery-codes/")
    time.sleep(1.1)  # the provider counts in whole seconds
    response = traveller.arrive(traveller.at_the_provider(address, user))
    assert response["Location"] == "/account/reauthenticate/?next=%2Faccount%2Frecovery-codes%2F"
    assert traveller.records == before
    assert traveller.is_signed_in
