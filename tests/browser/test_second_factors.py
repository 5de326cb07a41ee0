"""An authenticator app from its key to a sign-in with it; no browser keeps what its pages showed."""

import re
from pathlib import Path

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from tests.browser import road
from tests.browser.conftest import NEEDS, OpenDesk
from tests.browser.desk import Desk
from tests.journeys.office import PASSWORD
from tests.tools import cast, totp
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]


def set_up_an_app(desk: Desk) -> str:
    """Your account, Set up an app: the key into the app, the app's code into the page; returns the key."""
    desk.open("/account/second-factors/app/")
    secret = desk.page.locator("#app-key").inner_text()
    desk.page.get_by_label("Code").fill(totp.code(secret))
    desk.press("Set up")
    return secret


def make_recovery_codes(desk: Desk) -> list[str]:
    desk.press("Make recovery codes")
    desk.sees_heading("Your recovery codes")
    return [each.inner_text().strip() for each in desk.page.locator("output").all()]


def sign_out_and_in(desk: Desk) -> None:
    desk.open("/account/logout/")
    desk.press("Sign out", within=desk.page.get_by_role("main"))
    road.sign_in(desk, "uma", PASSWORD)


def give(desk: Desk, code: str) -> None:
    desk.page.get_by_label("Code").fill(code)
    desk.press("Confirm")


def test_set_up_then_asked_for_at_sign_in(open_desk: OpenDesk, tmp_path: Path) -> None:
    uma = open_desk("uma")
    secret = set_up_an_app(uma)
    codes = make_recovery_codes(uma)
    assert len(codes) == 10
    with uma.page.expect_download() as awaited:
        uma.page.get_by_role("button", name="Download as a text file").click()
    awaited.value.save_as(tmp_path / "codes.txt")
    assert re.findall(r"\d{5}-\d{5}", (tmp_path / "codes.txt").read_text()) == codes
    uma.follow("I have kept them")

    # the password alone opens nothing; the wrong code neither
    cache.clear()  # as after ninety seconds: the code of this step is good again
    sign_out_and_in(uma)
    uma.page.goto("/my/")
    expect(uma.page).to_have_url(re.compile("/account/login/"))
    uma.page.get_by_label("Code").fill("000000" if totp.code(secret) != "000000" else "111111")
    uma.press("Confirm", status=422)
    give(uma, totp.code(secret))
    expect(uma.page).to_have_url(re.compile("/my/$"))

    # a recovery code once, and not twice
    sign_out_and_in(uma)
    give(uma, codes[0])
    expect(uma.page).to_have_url(re.compile("/my/$"))
    sign_out_and_in(uma)
    uma.page.get_by_label("Code").fill(codes[0])
    uma.press("Confirm", status=422)

    for kept in (secret.replace(" ", ""), secret, *codes):
        uma.inspection.look_for(kept)


@pytest.mark.nightly
def test_no_browser_keeps_a_sign_in_code(open_desk: OpenDesk, company: Company) -> None:
    """Neither that of the officer who made it nor that of the person who used it."""
    eve = cast.person("eve", roles=())
    cast.enabled(company.ada, eve)
    rita, somebody = open_desk("rita"), open_desk()
    rita.open(f"/persons/{eve.pk}/sign-in-code/")
    rita.press("Next")
    rita.press("Make and show the code")
    code = rita.page.locator("output").first.inner_text().strip()

    somebody.open("/account/first-sign-in/")
    fields = somebody.page.locator("main input:not([type=hidden])")
    for position, typed in enumerate((eve.personnel_number, code, *["a long enough password"] * 2)):
        fields.nth(position).fill(typed)
    somebody.press("Set password and sign in")

    expect(somebody.page).to_have_url(re.compile("/my/$"))
    for desk in (rita, somebody):
        desk.inspection.look_for(code)
    somebody.inspection.look_for("a long enough password")
