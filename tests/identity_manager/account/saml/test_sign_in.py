"""SAML 2.0: the question, the answer, and whom it lets in."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from lxml import etree
from pytest_django import Settings
from saml2.saml import NAMEID_FORMAT_EMAILADDRESS, NAMEID_FORMAT_PERSISTENT, NAMEID_FORMAT_TRANSIENT, NameID

from identity_manager.models import Account, AuditEvent, Person, Role
from tests.identity_manager.account.saml.conftest import (
    ACS,
    PASSWORD_CONTEXT,
    SP,
    Browser,
    Provider,
    configure,
    request_of,
)
from tests.identity_manager.account.sign_in import factors
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.needs_program("xmlsec1"), pytest.mark.long]
TWO_FACTORS = "https://refeds.org/profile/mfa"


@pytest.fixture
def uma() -> Person:
    person = cast.person("uma")
    Person.objects.filter(pk=person.pk).update(personnel_number="E-UMA")
    return Person.objects.get(pk=person.pk)


def refused_with(browser: Browser, response: Any, code: str, status: int = 403) -> None:
    assert response.status_code == status, response.content.decode()[:500]
    assert not browser.is_signed_in
    event = AuditEvent.objects.filter(name="account.sign-in-failed").latest("pk")
    assert event.facts == {"method": "saml:corp", "reason": code}
    assert "You are not signed in" in response.text


def test_the_question_is_complete(browser: Browser) -> None:
    address = browser.here.post("/account/sso/corp/", {})["Location"]
    asked = request_of(address)
    assert asked.get("AssertionConsumerServiceURL") == ACS
    assert asked.get("ForceAuthn") is None
    assert asked.findtext("{*}Issuer") == SP
    assert asked.find("{*}NameIDPolicy").get("Format") == NAMEID_FORMAT_PERSISTENT


def test_the_first_sign_in_makes_an_account(browser: Browser, provider: Provider, uma: Person) -> None:
    question = browser.start(next="/account/")
    response = browser.arrive(provider.answer(question))
    assert (response.status_code, response["Location"]) == (302, "/account/")
    account = Account.objects.get(person=uma)
    assert not account.has_usable_password()
    link = SocialAccount.objects.get()
    assert (link.provider, link.uid, link.extra_data) == ("corp", "uma-at-the-idp", {})
    assert AuditEvent.objects.get(name="account.signed-in").person == uma


def test_from_then_on_the_identity_there_counts(browser: Browser, provider: Provider, uma: Person) -> None:
    browser.arrive(provider.answer(browser.start()))
    other = Browser()
    other.arrive(provider.answer(other.start(), identity={"employeeNumber": "E-SOMEBODY"}))
    assert other.is_signed_in
    assert other.here.session["_auth_user_id"] == browser.here.session["_auth_user_id"]


def test_the_response_may_be_signed_too(browser: Browser, provider: Provider, uma: Person) -> None:
    browser.arrive(provider.answer(browser.start(), sign_response=True))
    assert browser.is_signed_in


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"identity": {}}, "sso-no-identifier"),
        ({"identity": {"employeeNumber": ["E-UMA", "E-ADA"]}}, "sso-no-identifier"),
        ({"identity": {"employeeNumber": "E-NOBODY"}}, "sso-nobody"),
        ({"name": NameID(format=NAMEID_FORMAT_EMAILADDRESS, text="uma@example.com")}, "sso-no-identifier"),
        ({"name": NameID(format=NAMEID_FORMAT_TRANSIENT, text="_7")}, "sso-no-identifier"),
        ({"name": NameID(format=NAMEID_FORMAT_PERSISTENT, text="x" * 192)}, "sso-no-identifier"),
    ],
)
def test_whom_it_lets_in_as_nobody(
    browser: Browser, provider: Provider, uma: Person, changes: dict[str, Any], code: str
) -> None:
    refused_with(browser, browser.arrive(provider.answer(browser.start(), **changes)), code)
    assert not SocialAccount.objects.exists()


def test_subject_id_instead_of_a_name(
    browser: Browser, provider: Provider, uma: Person, settings: Settings
) -> None:
    configure(settings, provider, subject="subject-id")
    subject = "urn:oasis:names:tc:SAML:attribute:subject-id"
    anybody = NameID(format=NAMEID_FORMAT_TRANSIENT, text="_7")
    refused_with(browser, browser.arrive(provider.answer(browser.start(), name=anybody)), "sso-no-identifier")
    identity = {"employeeNumber": "E-UMA", subject: "uma@scope.example"}
    browser.arrive(provider.answer(browser.start(), name=anybody, identity=identity))
    assert SocialAccount.objects.get().uid == "uma@scope.example"


def test_who_left_does_not_come_in(browser: Browser, provider: Provider, uma: Person) -> None:
    browser.arrive(provider.answer(browser.start()))
    Person.objects.filter(pk=uma.pk).update(state="inactive")
    other = Browser()
    refused_with(other, other.arrive(provider.answer(other.start())), "sso-closed")


def test_groups_give_and_take_roles(
    browser: Browser, provider: Provider, uma: Person, settings: Settings
) -> None:
    configure(settings, provider, groups_claim="groups", roles={"desk": "token-administrator"})
    browser.arrive(provider.answer(browser.start(), identity={"employeeNumber": "E-UMA", "groups": "desk"}))
    assert Role.TOKEN_ADMINISTRATOR in {held.role for held in uma.roles_in_force()}
    other = Browser()
    other.arrive(provider.answer(other.start(), identity={"employeeNumber": "E-UMA", "groups": ["a", "b"]}))
    fresh = Person.objects.get(pk=uma.pk)
    assert Role.TOKEN_ADMINISTRATOR not in {held.role for held in fresh.roles_in_force()}


def test_two_certificates_for_a_roll_over(
    browser: Browser, provider: Provider, uma: Person, settings: Settings, both_keys: SimpleNamespace
) -> None:
    refused_with(browser, browser.arrive(both_keys.next.answer(browser.start())), "saml-not-right")
    configure(settings, both_keys.now, both_keys.next)
    for signer in (both_keys.now, both_keys.next):
        each = Browser()
        each.arrive(signer.answer(each.start()))
        assert each.is_signed_in


# --- The second factor, and confirming -------------------------------------------------------------
def test_what_proves_a_second_factor_is_asked_for_and_demanded(
    browser: Browser, provider: Provider, uma: Person, settings: Settings
) -> None:
    configure(settings, provider, second_factor="provider", authn_contexts=[TWO_FACTORS])
    address = browser.here.post("/account/sso/corp/", {})["Location"]
    wanted = request_of(address).find("{*}RequestedAuthnContext")
    assert [each.text for each in wanted] == [TWO_FACTORS]
    response = browser.arrive(provider.answer(browser.start(), context=PASSWORD_CONTEXT))
    refused_with(browser, response, "sso-no-second-factor")
    browser.arrive(provider.answer(browser.start(), context=TWO_FACTORS))
    assert browser.is_signed_in


def test_a_local_second_factor_is_asked_for(browser: Browser, provider: Provider, uma: Person) -> None:
    browser.arrive(provider.answer(browser.start()))
    factors.with_app(Account.objects.select_related("person").get(person=uma))
    other = Browser()
    response = other.arrive(provider.answer(other.start()))
    assert response["Location"] == "/account/login/second-step/"


def test_who_came_from_there_confirms_there(browser: Browser, provider: Provider, uma: Person) -> None:
    browser.arrive(provider.answer(browser.start()))
    with factors.later(3600):
        page = browser.here.get("/account/passkeys/add/")
        assert "Confirm with Example login" in browser.here.get(page["Location"]).text
        address = browser.here.post("/account/sso/corp/", {"next": "/account/passkeys/add/"})["Location"]
        asked = request_of(address)
        assert asked.get("ForceAuthn") == "true"


def test_an_old_sign_in_there_is_no_confirmation(browser: Browser, provider: Provider, uma: Person) -> None:
    browser.arrive(provider.answer(browser.start()))
    records = len(browser.here.session["account_authentication_methods"])
    response = browser.arrive(provider.answer(browser.start(), instant=int(time.time()) - 600))
    assert response.status_code == 403
    assert "was not right" in response.text
    response = browser.arrive(provider.answer(browser.start(next="/account/")))
    assert response["Location"] == "/account/"
    assert len(browser.here.session["account_authentication_methods"]) == records + 1


def test_the_moment_is_the_providers(browser: Browser, provider: Provider, uma: Person) -> None:
    then = int(time.time()) - 3600
    browser.arrive(provider.answer(browser.start(), instant=then))
    assert int(browser.here.session["account_authentication_methods"][0]["at"]) == then


# --- Beside the sign-in ----------------------------------------------------------------------------
def test_the_metadata_say_what_is_wanted(browser: Browser) -> None:
    response = browser.here.get("/account/sso/corp/saml/metadata/")
    said = etree.fromstring(response.content)
    assert said.get("entityID") == SP
    assert said.get("validUntil") is None
    (descriptor,) = said
    assert descriptor.get("WantAssertionsSigned") == "true"
    assert descriptor.find("{*}AssertionConsumerService").get("Location") == ACS
    assert descriptor.find("{*}SingleLogoutService") is None


def test_signing_out_says_that_the_session_there_goes_on(
    browser: Browser, provider: Provider, uma: Person
) -> None:
    browser.arrive(provider.answer(browser.start()))
    response = browser.here.post("/account/logout/", follow=True)
    assert "At your organisation you are still signed in" in response.text
    assert not browser.is_signed_in


def test_which_portal_it_opens_is_a_setting(
    browser: Browser, provider: Provider, uma: Person, settings: Settings
) -> None:
    browser.arrive(provider.answer(browser.start()))
    assert browser.here.get("/my/").status_code == 200
    settings.SIGN_IN_METHODS = {"console": ["password"], "selfservice": ["password", "sso"]}
    assert browser.here.get("/my/")["Location"] == "/account/another-way/selfservice/"
    for address in ("metadata", "finish"):
        assert Browser().here.get(f"/account/sso/corp/saml/{address}/").status_code == 404
    assert Browser().here.post("/account/sso/corp/").status_code == 404


def test_the_sign_in_page_offers_it(browser: Browser) -> None:
    page = browser.here.get("/account/login/")
    assert "Sign in with Example login" in page.text
    assert "https://idp.example.com" in page["Content-Security-Policy"]
