"""A secret is shown only to who has proved lately who they are."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client

from identity_manager.models import Account, AuditEvent, SoftwareToken
from tests.identity_manager.account.sign_in.conftest import PASSWORD, account
from tests.tools import cast

pytestmark = pytest.mark.django_db
BEGIN = datetime.fromisoformat("2030-01-01T12:00:00+00:00")
WRONG = "not the password at all"


@pytest.fixture
def token(db: None) -> Iterator[SoftwareToken]:
    """uma's sealed token, at noon."""
    with time_machine.travel(BEGIN, tick=False):
        uma, ada = cast.person("uma"), cast.person("ada")
        account(uma)
        yield cast.issued(cast.accepted(cast.enabled(ada, uma))).tokens.get()


@pytest.fixture
def uma(client: Client, token: SoftwareToken) -> Client:
    """Signed in at noon."""
    client.post("/account/login/", {"login": "uma", "password": PASSWORD})
    return client


def page(token: SoftwareToken) -> str:
    return f"/my/tokens/{token.pk}/passphrase/"


def shown(token: SoftwareToken) -> int:
    return SoftwareToken.objects.get(pk=token.pk).passphrase_shown


def later(**passed: int) -> time_machine.travel:
    return time_machine.travel(BEGIN + timedelta(**passed), tick=False)


def test_a_fresh_sign_in_is_recent(uma: Client, token: SoftwareToken) -> None:
    with later(minutes=14, seconds=59):
        assert uma.post(page(token)).status_code == 200
    assert shown(token) == 1


def test_after_fifteen_minutes_the_password_is_asked_for(uma: Client, token: SoftwareToken) -> None:
    with later(minutes=15):
        response = uma.post(page(token))
    assert response.status_code == 302
    assert response["Location"] == f"/account/reauthenticate/?next={page(token).replace('/', '%2F')}"
    assert shown(token) == 0


def test_then_the_person_is_back_on_the_page_and_nothing_is_posted_by_itself(
    uma: Client, token: SoftwareToken
) -> None:
    with later(hours=1):
        asked = uma.post(page(token))["Location"]
        assert uma.get(asked).status_code == 200
        response = uma.post(asked, {"password": PASSWORD, "next": page(token)}, follow=True)
        assert response.redirect_chain == [(page(token), 302)]
        assert response.request["REQUEST_METHOD"] == "GET"
        assert shown(token) == 0
        assert not AuditEvent.objects.filter(name="passphrase.shown").exists()
        assert uma.post(page(token)).status_code == 200
        assert shown(token) == 1


def test_reading_the_page_needs_no_recent_sign_in(uma: Client, token: SoftwareToken) -> None:
    with later(hours=1):
        assert uma.get(page(token)).status_code == 200
    assert shown(token) == 0


def test_a_sign_in_elsewhere_does_not_count_here(uma: Client, token: SoftwareToken) -> None:
    with later(hours=1):
        Client().post("/account/login/", {"login": "uma", "password": PASSWORD})
        assert uma.post(page(token)).status_code == 302
    assert shown(token) == 0


def test_a_sign_in_in_the_future_does_not_count(uma: Client, token: SoftwareToken) -> None:
    """The clock was set back."""
    with later(hours=-1):
        assert uma.post(page(token)).status_code == 302


def test_a_wrong_password_opens_nothing(uma: Client, token: SoftwareToken) -> None:
    with later(hours=1):
        response = uma.post("/account/reauthenticate/", {"password": WRONG, "next": page(token)})
        assert response.status_code == 422
        assert WRONG not in response.content.decode()
        assert uma.post(page(token)).status_code == 302
    assert AuditEvent.objects.get(name="account.sign-in-failed").person.given_name == "Uma"


def test_guessing_locks_out_here_too(uma: Client, token: SoftwareToken) -> None:
    with later(hours=1):
        statuses = [uma.post("/account/reauthenticate/", {"password": WRONG}).status_code for _ in range(6)]
        assert statuses == [422] * 5 + [429]
        assert uma.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 429
        # Somebody at a device that was left open: its owner signs in elsewhere all the same.
        assert Client().post("/account/login/", {"login": "uma", "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize(
    "address", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"]
)
def test_it_leads_nowhere_else(uma: Client, address: str) -> None:
    with later(hours=1):
        response = uma.post("/account/reauthenticate/", {"password": PASSWORD, "next": address})
        assert response["Location"] == "/my/"


def test_the_password_is_not_in_the_session(uma: Client, token: SoftwareToken) -> None:
    with later(hours=1):
        uma.post(page(token), {"typed": "something"})
        uma.post("/account/reauthenticate/", {"password": PASSWORD, "next": page(token)})
        uma.post(page(token))
    session = str(dict(uma.session.items()))
    assert PASSWORD not in session
    assert "something" not in session
    assert Account.objects.get().password not in session
