"""Signing in and out as a person meets it: lockout, Back after signing out, proof before a passphrase."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import expect

from identity_manager.people.sign_in import second_factors
from tests.browser import road
from tests.browser.conftest import NEEDS, PHONE, OpenDesk
from tests.browser.desk import Desk
from tests.journeys.office import PASSWORD, account_of
from tests.tools import cast, totp
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]
TRIES = 5
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def session_key(desk: Desk) -> str:
    (cookie,) = [each for each in desk.page.context.cookies() if each.get("name") == "sessionid"]
    return str(cookie.get("value"))


def words(desk: Desk) -> str:
    """What the page says, but for the number of the visit."""
    return re.sub(r"\b[0-9a-f]{32}\b", "", desk.page.get_by_role("main").inner_text())


def lock_out(desk: Desk, name: str) -> list[str]:
    """Guess until it is stopped; returns what the page said each time."""
    said = []
    for count in range(TRIES + 1):
        road.sign_in(desk, name, "not the password", status=422 if count < TRIES else 429)
        said.append(words(desk))
    return said


@pytest.mark.nightly
def test_guessing_is_stopped_and_tells_nobody_who_exists(open_desk: OpenDesk, company: Company) -> None:
    account_of(company.uma)
    known, unknown = open_desk(), open_desk(viewport=PHONE, color_scheme="dark")
    told = lock_out(known, "uma")
    assert told == lock_out(unknown, "nobody")
    assert "Too many tries" in told[-1]
    road.sign_in(known, "uma", PASSWORD, status=429)


def test_back_after_signing_out_shows_nothing(open_desk: OpenDesk) -> None:
    uma = open_desk("uma")
    uma.open("/my/certificates/")
    uma.open("/account/logout/")
    uma.press("Sign out", within=uma.page.get_by_role("main"))
    uma.page.go_back()
    uma.page.go_back()
    expect(uma.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert "Uma" not in uma.page.content()


@pytest.mark.parametrize(
    "scripts",
    [pytest.param(True, id="scripts"), pytest.param(False, id="no scripts", marks=pytest.mark.nightly)],
)
def test_a_passphrase_is_shown_after_a_fresh_proof_alone(
    open_desk: OpenDesk, company: Company, *, scripts: bool
) -> None:
    token = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma))).tokens.get()
    uma = open_desk("uma", scripts=scripts)
    uma.open(f"/my/tokens/{token.pk}/passphrase/")
    before = session_key(uma)

    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        uma.press("Show passphrase")
        uma.sees_heading("Confirm that it is you")
        uma.page.get_by_label("Password").fill("not the password")
        uma.press("Confirm", status=422)
        uma.page.get_by_label("Password").fill(PASSWORD)
        uma.press("Confirm")
        passphrase = road.show_passphrase(uma)

    assert session_key(uma) != before
    assert not Session.objects.filter(session_key=before).exists()
    uma.inspection.look_for(passphrase)
    uma.inspection.look_for(PASSWORD)


def test_who_has_an_app_proves_it_with_the_app(open_desk: OpenDesk, company: Company) -> None:
    token = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma))).tokens.get()
    uma = open_desk("uma")
    second_factors.add_app(actor=company.uma, secret=SECRET)
    uma.open(f"/my/tokens/{token.pk}/passphrase/")
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        uma.press("Show passphrase")
        uma.sees("Show your second factor once more.")
        expect(uma.page.get_by_label("Password")).to_have_count(0)
        uma.page.get_by_label("Code").fill(totp.code(SECRET))
        uma.press("Confirm")
        road.show_passphrase(uma)


def test_the_session_is_a_new_one_after_signing_in(open_desk: OpenDesk, company: Company) -> None:
    """A key that somebody planted in the browser is none of the session that begins."""
    account_of(company.uma)
    uma, planted = open_desk(), "planted0" * 4
    uma.open("/account/login/")
    address = uma.page.url.split("/account/")[0]
    uma.page.context.add_cookies([{"name": "sessionid", "value": planted, "url": address}])
    road.sign_in(uma, "uma", PASSWORD)
    assert session_key(uma) != planted
    assert not Session.objects.filter(session_key=planted).exists()
