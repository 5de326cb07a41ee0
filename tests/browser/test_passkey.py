"""A passkey in Chromium: its virtual authenticator stands in for a fingerprint reader, nothing else does."""

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import CDPSession

from tests.browser.conftest import NEEDS, OpenDesk
from tests.browser.desk import Desk

pytestmark = [*NEEDS, pytest.mark.long]
READER = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}

# As a browser answers whose question was closed.
CLOSED = """() => {
  navigator.credentials.create = async () => { throw new DOMException("", "NotAllowedError"); };
}"""


def with_reader(desk: Desk) -> None:
    session: CDPSession = desk.page.context.new_cdp_session(desk.page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": READER})


def test_added_then_used_as_second_step_and_alone(open_desk: OpenDesk) -> None:
    desk = open_desk("uma")
    with_reader(desk)
    page = desk.page
    page.goto("/account/passkeys/add/")
    page.get_by_role("button", name="Add the passkey").click()
    page.wait_for_url("**/account/recovery-codes/")
    assert Authenticator.objects.get().type == "webauthn"
    page.goto("/account/")
    page.get_by_role("button", name="Sign out everywhere").click()

    page.get_by_label("User name").fill("uma")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/my/")

    page.goto("/account/logout/")
    page.get_by_role("button", name="Sign out").last.click()
    page.goto("/account/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/my/")


def test_a_refused_question_is_told_and_loses_nothing(open_desk: OpenDesk) -> None:
    desk = open_desk("uma")
    desk.page.goto("/account/passkeys/add/")
    desk.page.get_by_label("Name").fill("My laptop")
    desk.page.evaluate(CLOSED)
    desk.page.get_by_role("button", name="Add the passkey").click()
    desk.page.get_by_text("Nothing was done").wait_for()
    assert desk.page.get_by_label("Name").input_value() == "My laptop"
    assert not Authenticator.objects.exists()


def test_without_scripts_the_app_is_offered_instead(open_desk: OpenDesk) -> None:
    desk = open_desk("uma", scripts=False)
    desk.page.goto("/account/passkeys/add/")
    assert "Passkeys need JavaScript" in desk.page.content()
    desk.page.goto("/account/second-factors/app/")
    assert desk.page.locator("svg.qr").is_visible()
