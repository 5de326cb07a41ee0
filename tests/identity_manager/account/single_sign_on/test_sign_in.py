"""Signing in at a real provider: the code flow with PKCE, and whom it lets in."""

from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from pytest_django import Settings

from identity_manager.models import Account, AuditEvent, OutgoingMail, Person
from tests.identity_manager.account.sign_in.conftest import account
from tests.identity_manager.account.single_sign_on.conftest import Provider, Traveller, configured
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def uma(provider: Provider) -> Person:
    return cast.person("uma")


def known_as(person: Person, identity: str) -> Person:
    Person.objects.filter(pk=person.pk).update(upn=identity)
    return Person.objects.get(pk=person.pk)


def lost(traveller: Traveller, response: object) -> None:
    """Nobody knows whose it is, so nothing is recorded."""
    assert response.status_code == 400
    assert not traveller.is_signed_in
    assert "another window" in response.content.decode()
    assert not AuditEvent.objects.filter(name="account.sign-in-failed").exists()


def refused_with(traveller: Traveller, response: object, code: str) -> None:
    assert response.status_code == 403, response
    assert not traveller.is_signed_in
    event = AuditEvent.objects.filter(name="account.sign-in-failed").latest("pk")
    assert event.facts == {"method": "sso:corp", "reason": code}
    assert "You are not signed in" in response.content.decode()


def test_the_question_is_complete(traveller: Traveller) -> None:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(traveller.start()).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert asked["response_type"] == "code"
    assert len(asked["nonce"]) > 20
    assert len(asked["state"]) > 10
    assert asked["redirect_uri"] == "http://testserver/account/sso/corp/callback/"
    assert "prompt" not in asked


def test_the_first_sign_in_makes_an_account_without_a_password(
    traveller: Traveller, provider: Provider, uma: Person
) -> None:
    user = provider.user("uma")
    known_as(uma, user.user_name.upper())
    response = traveller.sign_in(user, next="/account/")
    assert (response.status_code, response["Location"]) == (302, "/account/")
    made = Account.objects.get(person=uma)
    assert not made.has_usable_password()
    assert traveller.is_signed_in
    names = set(AuditEvent.objects.filter(person=uma).values_list("name", flat=True))
    assert {"account.created", "account.linked", "account.signed-in"} <= names
    assert "Example login" in OutgoingMail.objects.get(message="account_linked").body_text
    assert SocialAccount.objects.get().extra_data == {}
    assert "no password" in traveller.here.get("/account/").content.decode()


def test_the_second_sign_in_finds_it_again(traveller: Traveller, provider: Provider, uma: Person) -> None:
    user = provider.user("uma")
    known_as(uma, user.user_name)
    traveller.sign_in(user)
    known_as(uma, "renamed meanwhile")
    again = Traveller(provider)
    assert again.sign_in(user).status_code == 302
    assert again.is_signed_in
    assert Account.objects.count() == SocialAccount.objects.count() == 1
    assert OutgoingMail.objects.filter(message="account_linked").count() == 1


def test_an_account_with_a_password_is_linked(traveller: Traveller, provider: Provider, uma: Person) -> None:
    user = provider.user("uma")
    known_as(uma, user.user_name)
    account(uma)
    traveller.sign_in(user)
    assert traveller.is_signed_in
    assert Account.objects.get().has_usable_password()


def test_nobody_is_made_on_a_guess(traveller: Traveller, provider: Provider, uma: Person) -> None:
    refused_with(traveller, traveller.sign_in(provider.user("uma")), "sso-nobody")
    assert not Account.objects.exists()
    assert not SocialAccount.objects.exists()


def test_several_fit_and_nobody_is_taken(
    traveller: Traveller, provider: Provider, settings: Settings
) -> None:
    configured(settings, field="external_id")
    user = provider.user("uma")
    for name in ("uma", "sam"):
        cast.person(name, external_id=user.user_name)
    refused_with(traveller, traveller.sign_in(user), "sso-several")


@pytest.mark.parametrize("state", ["registered", "inactive", "locked"])
def test_only_who_is_active(traveller: Traveller, provider: Provider, state: str) -> None:
    user = provider.user("uma")
    cast.person("uma", state=state, upn=user.user_name)
    refused_with(traveller, traveller.sign_in(user), "sso-nobody")


@pytest.mark.parametrize("why", ["closed", "inactive"])
def test_who_was_linked_and_left_is_refused(
    traveller: Traveller, provider: Provider, uma: Person, why: str
) -> None:
    user = provider.user("uma")
    uma = known_as(uma, user.user_name)
    traveller.sign_in(user)
    if why == "closed":
        Account.objects.update(is_active=False)
    else:
        uma.deactivate()
        uma.save()
    again = Traveller(provider)
    refused_with(again, again.sign_in(user), "sso-closed")


def test_an_unverified_address_links_nobody(
    traveller: Traveller, provider: Provider, uma: Person, settings: Settings
) -> None:
    """This provider says nothing of whether it verified the address."""
    configured(settings, claim="email", field="email")
    refused_with(traveller, traveller.sign_in(provider.user("uma")), "sso-unverified")


def test_a_second_identity_does_not_take_the_person_over(
    traveller: Traveller, provider: Provider, uma: Person
) -> None:
    first, second = provider.user("uma"), provider.user("uma")
    known_as(uma, first.user_name)
    traveller.sign_in(first)
    known_as(uma, second.user_name)
    other = Traveller(provider)
    refused_with(other, other.sign_in(second), "sso-other-identity")


def test_a_user_name_of_somebody_else_is_not_taken(
    traveller: Traveller, provider: Provider, uma: Person
) -> None:
    user = provider.user("uma")
    known_as(uma, user.user_name)
    Account.objects.create_account(username="p-uma", person=cast.person("sam"), password=None)
    refused_with(traveller, traveller.sign_in(user), "sso-name-taken")


def test_an_account_for_emergencies_is_never_linked(
    traveller: Traveller, provider: Provider, uma: Person
) -> None:
    user = provider.user("uma")
    known_as(uma, user.user_name)
    account(uma)
    Account.objects.update(is_break_glass=True)
    refused_with(traveller, traveller.sign_in(user), "sso-closed")


# --- What is between the two
def test_an_answer_that_nobody_asked_for(traveller: Traveller, provider: Provider, uma: Person) -> None:
    user = provider.user("uma")
    known_as(uma, user.user_name)
    back = traveller.at_the_provider(traveller.start(), user)
    victim = Traveller(provider)
    lost(victim, victim.arrive(back))


def test_an_answer_is_good_once(traveller: Traveller, provider: Provider, uma: Person) -> None:
    user = provider.user("uma")
    known_as(uma, user.user_name)
    back = traveller.at_the_provider(traveller.start(), user)
    assert traveller.arrive(back).status_code == 302
    traveller.here.post("/account/logout/")
    lost(traveller, traveller.arrive(back))


def test_it_was_cancelled_there(traveller: Traveller) -> None:
    state = parse_qs(urlsplit(traveller.start()).query)["state"][0]
    response = traveller.here.get(f"/account/sso/corp/callback/?error=access_denied&state={state}")
    refused_with(traveller, response, "sso-cancelled")


def test_an_invented_code(traveller: Traveller) -> None:
    state = parse_qs(urlsplit(traveller.start()).query)["state"][0]
    response = traveller.here.get(f"/account/sso/corp/callback/?code=abc&state={state}")
    assert response.status_code == 502
    assert not traveller.is_signed_in


def test_another_nonce(traveller: Traveller, provider: Provider, uma: Person) -> None:
    """A stolen code of another sign-in, put into one's own."""
    user = provider.user("uma")
    known_as(uma, user.user_name)
    address = traveller.start()
    nonce = parse_qs(urlsplit(address).query)["nonce"][0]
    back = traveller.at_the_provider(address.replace(nonce, "x" * 32), user)
    assert traveller.arrive(back).status_code == 502
    assert not traveller.is_signed_in


def test_another_verifier(traveller: Traveller, provider: Provider, uma: Person) -> None:
    """PKCE: the code alone is worth nothing."""
    user = provider.user("uma")
    known_as(uma, user.user_name)
    back = traveller.at_the_provider(traveller.start(), user)
    session = traveller.here.session
    states = session["socialaccount_states"]
    for entry in states.values():
        entry[0]["pkce_code_verifier"] = "y" * 64
    session["socialaccount_states"] = states
    session.save()
    assert traveller.arrive(back).status_code == 502
    assert not traveller.is_signed_in


def test_another_issuer(traveller: Traveller, provider: Provider, uma: Person, settings: Settings) -> None:
    user = provider.user("uma")
    known_as(uma, user.user_name)
    configured(settings, server_url=provider.url.replace("localhost", "127.0.0.1"))
    back = traveller.at_the_provider(traveller.start(), user)
    assert traveller.arrive(back).status_code == 502
    assert not traveller.is_signed_in


def test_the_provider_is_down(traveller: Traveller, settings: Settings) -> None:
    configured(settings, server_url="http://127.0.0.1:9")
    response = traveller.here.post("/account/sso/corp/")
    assert response.status_code == 502
    assert "cannot be reached" in response.content.decode()


def test_an_unknown_provider_is_not_there(traveller: Traveller) -> None:
    assert traveller.here.post("/account/sso/other/").status_code == 404
    assert traveller.here.get("/account/sso/other/callback/").status_code == 404
    assert traveller.here.get("/account/sso/corp/").status_code == 405


def test_it_leads_nowhere_else(traveller: Traveller, provider: Provider, uma: Person) -> None:
    user = provider.user("uma")
    known_as(uma, user.user_name)
    assert traveller.sign_in(user, next="https://elsewhere.example/")["Location"] == "/my/"


def test_the_sign_in_page_may_lead_to_the_provider_and_nowhere_else(
    traveller: Traveller, provider: Provider
) -> None:
    response = traveller.here.get("/account/login/")
    policy = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))
    assert policy["form-action"].split() == ["'self'", provider.url]
    assert "Sign in with Example login" in response.content.decode()
    other = traveller.here.get("/account/first-sign-in/")["Content-Security-Policy"]
    assert provider.url not in other
