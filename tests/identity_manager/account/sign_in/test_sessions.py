"""Where somebody is signed in, and how they sign out there."""

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client

from identity_manager.account import user_agents
from identity_manager.models import Account, AuditEvent
from identity_manager.people.sign_in import sessions
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import NEW_PASSWORD, PASSWORD, account
from tests.tools import cast

pytestmark = pytest.mark.django_db
ADD_APP = "/account/second-factors/app/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
EDGE = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/124.0 Safari/537.36 Edg/124.0"


@pytest.fixture
def uma(db: None) -> Account:
    return account(cast.person("uma"))


def row_of(client: Client) -> UserSession:
    return UserSession.objects.get(session_key=client.session.session_key)


def still_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


@pytest.mark.parametrize(
    ("agent", "words", "icon"),
    [
        (FIREFOX, "Firefox on Windows", "desktop"),
        (IPHONE, "Safari on iPhone", "phone"),
        (EDGE, "Edge on macOS", "laptop"),
        ("curl/8.5", "Another program", "browser"),
        ("", "Another program", "browser"),
    ],
)
def test_devices_have_words(agent: str, words: str, icon: str) -> None:
    assert user_agents.named(agent) == (words, icon)


def test_the_page_lists_them_and_marks_this_one(uma: Account) -> None:
    factors.signed_in(uma, agent=FIREFOX)
    here = factors.signed_in(uma, agent=IPHONE)
    page = here.get("/account/").content.decode()
    assert "Firefox on Windows" in page
    assert page.count("This one") == 1
    assert page.index("Safari on iPhone") < page.index("This one")
    assert "127.0.0.1" not in page


def test_one_is_signed_out(uma: Account) -> None:
    elsewhere, here = factors.signed_in(uma), factors.signed_in(uma)
    assert here.post(f"/account/sessions/{row_of(elsewhere).pk}/end/")["Location"] == "/account/"
    assert not still_in(elsewhere)
    assert still_in(here)
    assert AuditEvent.objects.get(name="account.sessions-ended").facts == {"count": 1}


def test_this_one_is_signed_out(uma: Account) -> None:
    here = factors.signed_in(uma)
    assert here.post(f"/account/sessions/{row_of(here).pk}/end/")["Location"] == "/account/login/"
    assert not still_in(here)


def test_everywhere(uma: Account) -> None:
    elsewhere, here = factors.signed_in(uma), factors.signed_in(uma)
    assert here.post("/account/sessions/end/")["Location"] == "/account/login/"
    assert not still_in(elsewhere)
    assert not still_in(here)
    assert not UserSession.objects.exists()


def test_anothers_session_is_not_ended(uma: Account) -> None:
    sam = factors.signed_in(account(cast.person("sam")))
    here = factors.signed_in(uma)
    assert here.post(f"/account/sessions/{row_of(sam).pk}/end/").status_code == 404
    assert still_in(sam)
    assert still_in(here)
    assert not AuditEvent.objects.filter(name="account.sessions-ended").exists()


@pytest.mark.parametrize("row_id", ["987654", "9" * 30])
def test_a_session_that_is_not_there_is_not_ended(uma: Account, row_id: str) -> None:
    here = factors.signed_in(uma)
    assert here.post(f"/account/sessions/{row_id}/end/").status_code == 404
    assert still_in(here)
    assert not AuditEvent.objects.filter(name="account.sessions-ended").exists()


def test_one_that_has_run_out_meanwhile_is_told(uma: Account) -> None:
    """The row is still there, until the sweep of sessions comes by."""
    elsewhere, here = factors.signed_in(uma), factors.signed_in(uma)
    row = row_of(elsewhere)
    Session.objects.filter(session_key=row.session_key).delete()
    page = here.post(f"/account/sessions/{row.pk}/end/", follow=True).content.decode()
    assert "has ended meanwhile" in page
    assert not AuditEvent.objects.filter(name="account.sessions-ended").exists()


@pytest.mark.parametrize("path", ["/account/sessions/7/end/", "/account/sessions/end/"])
def test_looking_ends_nothing(uma: Account, path: str) -> None:
    here = factors.signed_in(uma)
    assert here.get(path).status_code == 405
    assert still_in(here)


def test_a_new_password_ends_the_others(uma: Account) -> None:
    elsewhere, here = factors.signed_in(uma), factors.signed_in(uma)
    typed = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert here.post("/account/password/change/", typed).status_code == 302
    assert still_in(here)
    assert not still_in(elsewhere)
    assert here.get("/account/").content.decode().count("This one") == 1


def test_last_seen_moves_on_but_not_at_each_page(uma: Account) -> None:
    here = factors.signed_in(uma)
    still_in(here)
    before = row_of(here).last_seen_at
    with factors.later(60):
        still_in(here)
        assert row_of(here).last_seen_at == before
    with factors.later(600):
        still_in(here)
        assert (row_of(here).last_seen_at - before).total_seconds() > 500


def test_sessions_that_have_run_out_are_forgotten(uma: Account) -> None:
    factors.signed_in(uma)
    with factors.later(9 * 3600):
        here = factors.signed_in(uma)
        assert sessions.forget_ended() == 1
        assert still_in(here)
    assert UserSession.objects.get() == row_of(here)


# --- The key of a session is new after each proof of who sits there
def proves(client: Client, how: str) -> None:
    """Confirms with what there is, or sets up what will confirm from now on."""
    if how == "an app is set up":
        page = client.get(ADD_APP).content.decode()
        secret, signed = factors.secret_on(page), factors.signed_on(page)
        response = client.post(ADD_APP, {"code": factors.code(secret), "signed": signed})
    else:
        typed = {"password": PASSWORD} if how == "password" else {"code": factors.code()}
        response = client.post("/account/reauthenticate/", typed)
    assert response.status_code == 302, response.content.decode()


@pytest.mark.parametrize("how", ["password", "code", "an app is set up"])
def test_a_proof_renews_the_key(uma: Account, how: str) -> None:
    if how == "code":
        factors.with_app(uma)
    here = factors.signed_in(uma, app=how == "code")
    thief = Client()
    thief.cookies["sessionid"] = before = here.session.session_key
    assert still_in(thief)

    proves(here, how)

    assert here.session.session_key != before
    assert still_in(here)
    assert not still_in(thief)
    assert here.get("/account/").content.decode().count("This one") == 1
    assert UserSession.objects.get() == row_of(here)


def test_a_wrong_password_renews_nothing(uma: Account) -> None:
    here = factors.signed_in(uma)
    before = here.session.session_key
    assert here.post("/account/reauthenticate/", {"password": "not it"}).status_code == 422
    assert here.session.session_key == before
