"""The standard flow in Chromium: from SEARCH and Enable to a file that opens with what the screen showed."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, expect

from identity_manager.models import RequestState, TokenRequest
from tests.browser import road
from tests.browser.conftest import NEEDS, OpenDesk, in_looks
from tests.browser.desk import Desk

pytestmark = [*NEEDS, pytest.mark.long]


@in_looks("390 px, dark")
def test_from_search_to_a_file_that_opens(open_desk: OpenDesk, tmp_path: Path, look: dict[str, Any]) -> None:
    ada = open_desk("ada", **look)
    uma = open_desk("uma", permissions=["clipboard-read", "clipboard-write"], **look)

    # 1  ada searches and enables
    road.search(ada, "lindq")
    ada.sees("Uma Lindqvist")
    road.enable(ada, "VPN")
    ada.sees_heading("VPN for Uma Lindqvist")
    ada.sees("Waits for acceptance")

    # 3, 4, 5  uma follows the link of her mail and accepts
    road.open_the_link_of_the_mail(uma, "uma@example.com")
    road.accept_while_the_worker_is_away(uma)

    # 6  the passphrase is shown, copied, noted, and then nowhere
    passphrase = road.show_passphrase(uma)
    copy_it(uma, passphrase)
    uma.inspection.look_for(passphrase)
    road.note_passphrase(uma)
    uma.inspection.look_for(passphrase)
    going_back_shows_nothing(uma, passphrase)

    # 7  the file came by mail, and opens
    uma.follow("Certificates")
    uma.follow("VPN")
    file = road.fetch_file(uma, "uma@example.com", tmp_path)
    assert "Uma Lindqvist" in road.open_file(uma, file, passphrase).subject
    assert TokenRequest.objects.get().state == RequestState.COMPLETED


@pytest.mark.nightly
def test_what_will_happen_is_said_with_each_check(open_desk: OpenDesk) -> None:
    ada = open_desk("ada")
    road.search(ada, "lindq")
    ada.follow("Enable")
    ada.sees("Check at least one type")
    ada.press("Next", status=422)
    ada.check("SIGNATURE")
    ada.sees("decides")
    ada.look()
    ada.check("SIGNATURE", checked=False)
    ada.sees("Check at least one type")


def test_the_button_of_a_mail_opens_self_service(open_desk: OpenDesk) -> None:
    """Mails are shown in a sandbox that can do nothing else than this."""
    ada, uma = open_desk("ada"), open_desk("uma")
    road.search(ada, "lindq")
    road.enable(ada, "VPN")

    uma.open("/mailbox/?to=uma@example.com")
    uma.follow("Your software token is waiting")
    with uma.page.expect_popup() as opened:
        uma.page.frame_locator("iframe").get_by_role("link").first.click()

    expect(opened.value.get_by_role("heading", level=1)).to_have_text("Open Tasks")
    expect(opened.value.get_by_role("link", name="Read and accept")).to_be_visible()


def copy_it(desk: Desk, passphrase: str) -> None:
    """The Copy button puts it on the clipboard, and says so."""
    desk.page.get_by_role("button", name="Copy").click()
    expect(desk.page.get_by_role("button", name="Copied")).to_be_visible()
    assert desk.page.evaluate("navigator.clipboard.readText()") == passphrase
    desk.look()


def going_back_shows_nothing(desk: Desk, passphrase: str) -> None:
    """The answer was never stored: there is nothing to go back to, and the browser does not ask again."""
    here = desk.page.url
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        desk.page.go_back()
    desk.page.wait_for_url("chrome-error://**")
    assert passphrase not in desk.page.content()
    desk.inspection.complaints.clear()
    desk.open(here)
