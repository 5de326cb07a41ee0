"""Signing in with a password: one answer for every failure, lockout, audit, and what is not mounted."""

import logging
import re

import pytest
import time_machine
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, get_resolver, reverse

from identity_manager.models import Account, AuditEvent, Person, PersonState
from tests.identity_manager.account.sign_in.conftest import NEW_PASSWORD, PASSWORD, account
from tests.tools import cast

pytestmark = pytest.mark.django_db
WRONG = "not the password at all"


@pytest.fixture
def uma(db: None) -> Account:
    return account(cast.person("uma"))


def sign_in(client: Client, name: str = "uma", password: str = PASSWORD, **more: str) -> HttpResponse:
    return client.post("/account/login/", {"login": name, "password": password, **more})


def words(response: HttpResponse) -> str:
    """The page, without what is new each time and without what was typed."""
    text = re.sub(
        r'name="csrfmiddlewaretoken" value="[^"]*"|X-CSRFToken": "[^"]*"', "", response.content.decode()
    )
    text = re.sub(r"<code>[0-9a-f]{32}</code>", "", text)  # the number of the visit
    return re.sub(r'(name="(login|name|code)" value=)"[^"]*"', r"\1", text)


# --- Who signs in ----------------------------------------------------------------------------------
def test_a_person_signs_in_and_starts_in_self_service(client: Client, uma: Account) -> None:
    response = sign_in(client)
    assert response.status_code == 302
    assert response["Location"] == "/my/"
    event = AuditEvent.objects.get(name="account.signed-in")
    assert (event.actor, event.facts) == (uma.person, {"method": "password"})


def test_an_officer_starts_in_identity_manager(client: Client) -> None:
    account(cast.person("ada"))
    assert sign_in(client, "ada")["Location"] == "/"


def test_the_user_name_is_taken_in_any_case(client: Client, uma: Account) -> None:
    assert sign_in(client, " UMA ").status_code == 302


def test_next_is_followed_within_the_site_only(client: Client, uma: Account) -> None:
    assert sign_in(client, next="/my/certificates/")["Location"] == "/my/certificates/"
    client.logout()
    assert sign_in(client, next="https://elsewhere.example/")["Location"] == "/my/"
    client.logout()
    assert sign_in(client, next="//elsewhere.example/")["Location"] == "/my/"


def test_the_session_key_is_new_after_sign_in(client: Client, uma: Account) -> None:
    session = client.session
    session["planted"] = "by somebody"
    session.save()
    planted = session.session_key
    client.cookies["sessionid"] = planted
    sign_in(client)
    assert client.session.session_key != planted
    assert not Session.objects.filter(session_key=planted).exists()


def test_the_session_ends_with_the_persons_leave(client: Client, uma: Account) -> None:
    sign_in(client)
    assert client.get("/account/password/change/").status_code == 200
    person = Person.objects.get(pk=uma.person_id)
    person.deactivate()
    person.save()
    assert client.get("/account/password/change/").status_code == 302


def test_the_session_ends_with_the_account(client: Client, uma: Account) -> None:
    sign_in(client)
    Account.objects.update(is_active=False)
    assert client.get("/account/password/change/").status_code == 302


def test_signing_out_is_a_post(client: Client, uma: Account) -> None:
    sign_in(client)
    assert client.get("/account/logout/").status_code == 200
    assert "_auth_user_id" in client.session
    assert client.post("/account/logout/")["Location"] == "/account/login/"
    assert "_auth_user_id" not in client.session


# --- Who does not ----------------------------------------------------------------------------------
FAILURES = ["wrong password", "nobody", "registered", "inactive", "locked", "closed", "without a password"]


def failing(kind: str) -> tuple[str, str]:
    """A name and a password that do not sign in, each for its own reason."""
    if kind == "wrong password":
        return account(cast.person("uma")).username, WRONG
    if kind == "nobody":
        return "nobody", PASSWORD
    if kind in PersonState.values:
        return account(cast.person("otto", state=kind, roles=())).username, PASSWORD
    row = account(cast.person("otto", roles=()))
    if kind == "closed":
        Account.objects.update(is_active=False)
    else:
        row.set_unusable_password()
        row.save()
    return row.username, PASSWORD


@pytest.mark.parametrize("kind", FAILURES)
def test_every_failure_is_answered_alike(client: Client, kind: str) -> None:
    name, password = failing(kind)
    expected = sign_in(Client(), "somebody else", WRONG)
    response = sign_in(client, name, password)
    assert response.status_code == expected.status_code == 422
    assert words(response) == words(expected)
    assert "_auth_user_id" not in client.session
    assert password not in response.content.decode()


@pytest.mark.parametrize("kind", FAILURES)
def test_every_failure_costs_one_hash(client: Client, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.auth.hashers import MD5PasswordHasher  # the tests' hasher: argon2 takes 0.1 s

    name, password = failing(kind)
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: MD5PasswordHasher, text: str, salt: str) -> str:
        hashed.append(text)
        return encode(self, text, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    sign_in(client, name, password)
    assert len(hashed) == 1


@pytest.mark.parametrize("kind", FAILURES)
def test_every_failure_is_audited_without_what_was_typed(
    client: Client, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    name, password = failing(kind)
    sign_in(client, name, password)
    event = AuditEvent.objects.get(name="account.sign-in-failed")
    assert event.actor is None
    assert event.facts["method"] == "password"
    assert name not in str(event.facts)
    assert password not in str(event.facts) + caplog.text


@pytest.mark.parametrize("name", ["", " ", "\x00", "x" * 65, "a'--", "%", "ümläut 山田 \u202e"])
def test_odd_names_are_refused_like_any_other(client: Client, uma: Account, name: str) -> None:
    assert sign_in(client, name).status_code == 422


def test_odd_passwords_are_refused_like_any_other(client: Client, uma: Account) -> None:
    assert sign_in(client, password="\x00").status_code == 422
    assert sign_in(client, password="x" * 10_000).status_code == 422


def test_json_is_not_answered_with_json(client: Client, uma: Account) -> None:
    response = client.post(
        "/account/login/", {"login": "uma", "password": WRONG}, headers={"Accept": "application/json"}
    )
    assert response["Content-Type"].startswith("text/html")
    assert WRONG not in response.content.decode()


# --- Lockout ---------------------------------------------------------------------------------------
def lock_out(client: Client, name: str) -> None:
    for _ in range(5):
        assert sign_in(client, name, WRONG).status_code == 422


@pytest.mark.parametrize("name", ["uma", "nobody"])
def test_five_failures_lock_the_name_whether_it_exists_or_not(
    client: Client, uma: Account, name: str
) -> None:
    lock_out(client, name)
    response = sign_in(client, name)
    assert response.status_code == 429
    assert response["Retry-After"] == "900"
    assert name not in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_the_lockout_page_is_the_same_for_all(client: Client, uma: Account) -> None:
    lock_out(client, "uma")
    lock_out(client, "nobody")
    assert words(sign_in(client, "uma")) == words(sign_in(client, "nobody"))


def test_a_lockout_counts_the_name_in_every_spelling_and_at_every_host(client: Client, uma: Account) -> None:
    for name, host in [("uma", "localhost"), ("UMA", "127.0.0.1"), (" uma ", "localhost")] * 2:
        last = client.post("/account/login/", {"login": name, "password": WRONG}, headers={"host": host})
    assert last.status_code == 429


def test_a_lockout_ends_after_fifteen_minutes(client: Client, uma: Account) -> None:
    with time_machine.travel("2030-01-01 12:00Z", tick=False):
        lock_out(client, "uma")
    with time_machine.travel("2030-01-01 12:14:59Z", tick=False):
        assert sign_in(client).status_code == 429
    with time_machine.travel("2030-01-01 12:15:01Z", tick=False):
        assert sign_in(client).status_code == 302


def test_a_success_does_not_wipe_failures_of_others(client: Client, uma: Account) -> None:
    account(cast.person("sam"))
    lock_out(client, "uma")
    assert sign_in(client, "sam").status_code == 302
    client.logout()
    assert sign_in(client, "uma").status_code == 429


def test_right_passwords_do_not_count(client: Client, uma: Account) -> None:
    for _ in range(7):
        assert sign_in(client).status_code == 302
        client.logout()


def test_one_address_that_tries_many_names_is_stopped(client: Client, uma: Account) -> None:
    statuses = [sign_in(client, f"name{number}", WRONG).status_code for number in range(21)]
    assert statuses == [422] * 20 + [429]
    assert (
        Client(REMOTE_ADDR="192.0.2.7")
        .post("/account/login/", {"login": "uma", "password": PASSWORD})
        .status_code
        == 302
    )


def test_the_count_is_shared_by_all_processes(client: Client, uma: Account) -> None:
    with CaptureQueriesContext(connection) as queries:
        sign_in(client, password=WRONG)
    assert any("shared_cache" in query["sql"] for query in queries)


# --- The password ----------------------------------------------------------------------------------
def change(
    client: Client, old: str = PASSWORD, new: str = NEW_PASSWORD, again: str = NEW_PASSWORD
) -> HttpResponse:
    return client.post(
        "/account/password/change/", {"oldpassword": old, "password1": new, "password2": again}
    )


def test_the_password_pages_say_what_is_missing_in_our_words(client: Client, uma: Account) -> None:
    refused = sign_in(client, name="", password="")
    assert refused.context["form"].errors == {
        "login": ["Enter your user name."],
        "password": ["Enter your password."],
    }

    sign_in(client)
    refused = change(client, old="", new="", again="")

    assert refused.status_code == 422
    assert refused.context["form"].errors == {
        "oldpassword": ["Enter your current password."],
        "password1": ["Enter the new password."],
        "password2": ["Enter the new password once more."],
    }
    labels = [field.label for field in refused.context["form"]]
    assert labels == ["Current password", "New password", "New password, once more"]
    other = change(client, again=WRONG).context["form"]
    assert other.errors == {"password2": ["This is not the same password."]}
    asked = client.post("/account/reauthenticate/", {"password": ""})
    assert asked.context["form"].errors == {"password": ["Enter your password."]}


def test_a_password_is_changed_and_other_sessions_end(client: Client, uma: Account) -> None:
    elsewhere = Client()
    sign_in(elsewhere)
    sign_in(client)
    assert change(client)["Location"] == "/my/"
    assert AuditEvent.objects.get(name="account.password-set").actor == uma.person
    assert client.get("/account/password/change/").status_code == 200
    assert elsewhere.get("/account/password/change/").status_code == 302
    assert sign_in(Client()).status_code == 422
    assert sign_in(Client(), password=NEW_PASSWORD).status_code == 302


@pytest.mark.parametrize(
    "typed",
    [
        {"old": WRONG},
        {"again": "something else entirely"},
        {"new": "short", "again": "short"},
        {"new": "password123456", "again": "password123456"},
    ],
)
def test_a_bad_change_changes_nothing(client: Client, uma: Account, typed: dict[str, str]) -> None:
    sign_in(client)
    assert change(client, **typed).status_code == 422
    assert Account.objects.get().check_password(PASSWORD)
    assert not AuditEvent.objects.filter(name="account.password-set").exists()


def test_the_password_is_kept_by_argon2() -> None:
    from identity_manager.config import settings  # the product's settings, not those under test

    assert settings.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


# --- What is not there -----------------------------------------------------------------------------
def test_only_the_named_pages_are_mounted() -> None:
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str) and "account" in name}
    assert names == {
        "account",
        "account_login",
        "account_logout",
        "account_reauthenticate",
        "account_change_password",
    }


@pytest.mark.parametrize(
    "name", ["account_signup", "account_reset_password", "account_email", "account_set_password"]
)
def test_no_sign_up_no_mailed_reset_no_added_addresses(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.parametrize(
    "path",
    ["signup/", "password/reset/", "email/", "confirm-email/", "login/code/", "password/set/", "inactive/"],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_their_usual_addresses_are_not_found(client: Client, uma: Account, path: str, method: str) -> None:
    sign_in(client)
    assert getattr(client, method)(f"/account/{path}").status_code == 404


@pytest.mark.parametrize("path", ["login/", "first-sign-in/"])
def test_the_entrance_is_open_never_cached_and_changes_nothing(client: Client, path: str) -> None:
    response = client.get(f"/account/{path}")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("path", ["reauthenticate/", "password/change/"])
def test_the_rest_is_closed(client: Client, path: str) -> None:
    for response in (client.get(f"/account/{path}"), client.post(f"/account/{path}")):
        assert response.status_code == 302
        assert response["Location"].startswith("/account/login/")


# --- Behind a proxy --------------------------------------------------------------------------------
def from_address(client: Client, forwarded: str) -> int:
    return client.post(
        "/account/login/",
        {"login": forwarded, "password": WRONG},
        headers={"X-Forwarded-For": forwarded},
    ).status_code


def test_behind_a_proxy_each_client_is_counted_by_itself(client: Client, settings: LazySettings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert [from_address(client, f"spoofed{n}, 192.0.2.1") for n in range(21)] == [422] * 20 + [429]
    assert from_address(client, "192.0.2.2") == 422


def test_without_a_proxy_its_header_is_not_believed(client: Client, db: None) -> None:
    assert [from_address(client, f"192.0.2.{n}") for n in range(21)] == [422] * 20 + [429]
