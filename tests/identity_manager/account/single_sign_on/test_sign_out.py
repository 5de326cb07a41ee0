"""Signing out leads on to the provider and back (OpenID Connect RP-Initiated Logout 1.0), at a real one."""

import re
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests
from allauth.usersessions.models import UserSession
from django.test import Client
from pytest_django import Settings

from identity_manager.account.single_sign_on import sso, sso_sign_out
from identity_manager.models import Account, Person
from identity_manager.people.sign_in import second_factors
from identity_manager.people.sign_in.sso_provider import SignOut
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import PASSWORD, account
from tests.identity_manager.account.sign_in.test_passkeys import STEP
from tests.identity_manager.account.single_sign_on.conftest import HERE, Provider, Traveller, configured
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.long]
SIGNED_OUT = "/account/signed-out/"
AT_THE_PROVIDER = "and at your organisation"
LOGOUT, LOGIN = "/account/logout/", "/account/login/"


@pytest.fixture
def user(provider: Provider) -> Any:
    """At the provider; here it is uma."""
    user = provider.user("uma")
    cast.person("uma")
    Person.objects.update(upn=user.user_name)
    return user


def asked(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def sign_out(traveller: Traveller, path: str = LOGOUT, **posted: str) -> str:
    """Press the button; returns where it leads. Here nobody is signed in any more."""
    response = traveller.here.post(path, posted)
    assert response.status_code == 302
    assert not traveller.is_signed_in
    return str(response["Location"])


def question_of(traveller: Traveller, address: str) -> requests.Response:
    """What the provider shows."""
    return traveller.there.get(address, allow_redirects=False)


def confirm(traveller: Traveller, question: requests.Response) -> str:
    """Say yes there; returns the way back."""
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', question.text)
    data = {"answer": "logout", "csrf_token": token.group(1) if token else ""}
    response = traveller.there.post(question.url, data=data, allow_redirects=False)
    assert response.is_redirect, response.text
    return str(response.headers["Location"])


def asks_for_a_password(traveller: Traveller) -> bool:
    """Whether the provider knows nobody in this browser any more."""
    response = question_of(traveller, traveller.start())
    while response.is_redirect:
        target = urljoin(response.url, response.headers["Location"])
        if target.startswith(HERE):
            return False
        response = question_of(traveller, target)
    return 'name="login"' in response.text or 'name="password"' in response.text


def form_action(response: Any) -> str:
    return next(
        part for part in response["Content-Security-Policy"].split("; ") if part.startswith("form-action")
    )


def test_it_leads_on_to_the_provider_and_back(traveller: Traveller, provider: Provider, user: Any) -> None:
    traveller.sign_in(user)
    assert traveller.is_signed_in

    address = sign_out(traveller)

    assert address.startswith(f"{provider.url}/")
    state = asked(address)["state"]
    assert asked(address) == {
        "client_id": "identity-manager",
        "post_logout_redirect_uri": f"{HERE}{SIGNED_OUT}",
        "state": state,
    }
    question = question_of(traveller, address)
    # Whoever goes back instead of saying yes is still signed in there, and is not told otherwise.
    assert AT_THE_PROVIDER not in traveller.here.get(SIGNED_OUT).content.decode()
    assert AT_THE_PROVIDER not in traveller.here.get(f"{SIGNED_OUT}?state=other").content.decode()
    back = confirm(traveller, question)
    assert back == f"{HERE}{SIGNED_OUT}?state={state}"
    page = traveller.arrive(back)
    assert AT_THE_PROVIDER in page.content.decode()
    assert page.status_code == 200
    assert "<h1>You are signed out</h1>" in page.content.decode()
    assert f'href="{LOGIN}"' in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert asks_for_a_password(traveller)


def test_with_the_token_nobody_is_asked(
    traveller: Traveller, provider: Provider, user: Any, settings: Settings
) -> None:
    configured(settings, sign_out=SignOut.WITH_TOKEN)
    traveller.sign_in(user)
    kept = traveller.here.session[sso_sign_out.KEPT]["token"]
    address = sign_out(traveller)
    token = asked(address)["id_token_hint"]
    assert token.count(".") == 2
    assert token not in kept
    assert token.split(".")[1] not in kept
    response = question_of(traveller, address)
    assert response.headers["Location"].startswith(f"{HERE}{SIGNED_OUT}?state=")
    assert asks_for_a_password(traveller)


def test_a_token_whose_key_is_gone_is_left_out(
    traveller: Traveller, provider: Provider, user: Any, settings: Settings
) -> None:
    configured(settings, sign_out=SignOut.WITH_TOKEN)
    traveller.sign_in(user)
    session = traveller.here.session
    session[sso_sign_out.KEPT] |= {"token": session[sso_sign_out.KEPT]["token"][:-8] + "AAAAAAA="}
    session.save()
    assert "id_token_hint" not in asked(sign_out(traveller))


def test_the_token_is_not_kept_where_nobody_wants_it(traveller: Traveller, user: Any) -> None:
    traveller.sign_in(user)
    assert traveller.here.session[sso_sign_out.KEPT]["token"] == ""


def test_it_can_be_turned_off(traveller: Traveller, user: Any, settings: Settings) -> None:
    configured(settings, sign_out=SignOut.HERE)
    traveller.sign_in(user)
    assert sign_out(traveller) == LOGIN
    assert not asks_for_a_password(traveller)


def test_a_provider_that_the_settings_do_not_name_any_more(
    traveller: Traveller, user: Any, settings: Settings
) -> None:
    traveller.sign_in(user)
    settings.SSO_PROVIDERS = {}
    assert sign_out(traveller) == LOGIN


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        "",
        7,
        ["https://login.example.com/"],
        "http://login.example.com/out",
        "javascript:alert(1)",
        "//a.example",
        "https://[",
    ],
)
def test_a_provider_without_such_a_page(
    traveller: Traveller, user: Any, endpoint: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = sso.OidcAdapter.openid_config.fget
    monkeypatch.setattr(
        sso.OidcAdapter,
        "openid_config",
        property(lambda self: {**known(self), "end_session_endpoint": endpoint}),
    )
    traveller.sign_in(user)
    assert traveller.is_signed_in
    assert sign_out(traveller) == LOGIN


def test_an_endpoint_with_a_query_of_its_own(
    traveller: Traveller, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = sso.OidcAdapter.openid_config.fget
    endpoint = "https://login.example.com/out?tenant=a%26b"
    monkeypatch.setattr(
        sso.OidcAdapter,
        "openid_config",
        property(lambda self: {**known(self), "end_session_endpoint": endpoint}),
    )
    traveller.sign_in(user)
    assert asked(sign_out(traveller))["tenant"] == "a&b"


def test_nobody_waits_for_a_provider_that_is_down(
    traveller: Traveller, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    traveller.sign_in(user)

    def called(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("The provider was called.")

    monkeypatch.setattr(requests.Session, "request", called)
    assert "post_logout_redirect_uri" in asked(sign_out(traveller))


@pytest.mark.parametrize("which", ["this one", "all"])
def test_whichever_button_it_was(traveller: Traveller, provider: Provider, user: Any, which: str) -> None:
    traveller.sign_in(user)
    row = UserSession.objects.get()
    path = f"/account/sessions/{row.pk}/end/" if which == "this one" else "/account/sessions/end/"
    assert sign_out(traveller, path).startswith(provider.url)


def test_where_somebody_was_going_is_not_lost(traveller: Traveller, user: Any) -> None:
    """Files are handed out in one sign-in, passphrases in another: in between one signs out."""
    traveller.sign_in(user)
    back = confirm(traveller, question_of(traveller, sign_out(traveller, next=f"{LOGIN}?next=/my/")))
    assert f'href="{LOGIN}?next=/my/"' in traveller.arrive(back).content.decode()


def test_it_leads_nowhere_else(traveller: Traveller, user: Any) -> None:
    traveller.sign_in(user)
    sign_out(traveller, next="https://elsewhere.example/")
    page = traveller.here.get(SIGNED_OUT).content.decode()
    assert "elsewhere.example" not in page
    assert f'href="{LOGIN}"' in page


# --- Who did not come from there
def test_a_session_by_password_ends_here(provider: Provider, user: Any) -> None:
    uma = account(Person.objects.get())
    traveller = Traveller(provider)
    traveller.here = factors.signed_in(uma)
    assert form_action(traveller.here.get("/account/")) == "form-action 'self'"
    assert sign_out(traveller) == LOGIN


def test_nor_one_that_was_confirmed_there(traveller: Traveller, user: Any, settings: Settings) -> None:
    """It began with a password."""
    uma = account(Person.objects.get())
    traveller.sign_in(user)  # links the account
    sign_out(traveller)
    traveller.here = factors.signed_in(uma)
    traveller.there = requests.Session()
    traveller.sign_in(user)
    assert [record["method"] for record in traveller.records] == ["password", "socialaccount"]
    assert sign_out(traveller) == LOGIN


def test_nor_one_by_password_after_a_sign_in_there_that_was_left_undone(
    traveller: Traveller, user: Any
) -> None:
    uma = account(Person.objects.get())
    second_factors.add_app(actor=uma.person, secret=factors.SECRET)
    traveller.sign_in(user)
    assert not traveller.is_signed_in, "the second step is still to come"
    second_factors.reset(person_id=uma.person_id)
    traveller.here.get(STEP)
    traveller.here.post(LOGIN, {"login": uma.username, "password": PASSWORD})
    assert traveller.is_signed_in
    assert sign_out(traveller) == LOGIN


# --- The pages
def test_forms_of_such_a_session_may_lead_there(traveller: Traveller, provider: Provider, user: Any) -> None:
    traveller.sign_in(user)
    for path in (LOGOUT, "/account/", "/my/"):
        assert form_action(traveller.here.get(path)) == f"form-action 'self' {provider.url}"


def test_who_is_signed_in_is_not_told_otherwise(traveller: Traveller, user: Any) -> None:
    traveller.sign_in(user)
    assert traveller.here.get(SIGNED_OUT)["Location"] == "/account/"
    assert traveller.is_signed_in


def test_the_page_is_there_for_everybody_and_for_reading(db: None) -> None:
    page = Client().get(f"{SIGNED_OUT}?state=")
    assert page.status_code == 200
    assert AT_THE_PROVIDER not in page.content.decode()
    assert Client().post(SIGNED_OUT).status_code == 405
    assert not Account.objects.exists()
