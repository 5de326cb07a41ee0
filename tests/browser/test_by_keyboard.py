"""The whole road by keyboard: Tab, Enter, Space and letters; where the focus is can be seen at each step."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from identity_manager.models import RequestState, TokenRequest
from tests.browser import road
from tests.browser.conftest import NEEDS, OpenDesk
from tests.browser.desk import Desk
from tests.browser.inspection import PageFaultError
from tests.browser.road import ACCEPTS, HAS_NOTED
from tests.journeys.office import PASSWORD, account_of
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]

MOST_TABS = 60
# The ring is drawn around the element itself, or around the card or row that it stands for.
HAS_A_RING = """element => [element, element.parentElement, element.closest("label, li, tr, .choice")]
  .filter(Boolean)
  .some((each) => ["", "::after", "::before"].some((part) => {
    const style = getComputedStyle(each, part);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  }))"""


class Keyboard:
    """A person who never touches the mouse."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.page = desk.page

    def tab_to(self, role: str, name: str) -> Locator:
        """Press Tab until the first thing of that role and name has the focus."""
        wanted = self.page.get_by_role(role, name=name).first  # type: ignore[arg-type]  # a word of the page
        for _count in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("element => element === document.activeElement"):
                if not wanted.evaluate(HAS_A_RING):
                    raise PageFaultError(f"{self.page.url}: {name} has the focus, but nothing shows it")
                return wanted
        raise PageFaultError(f"{self.page.url}: {name} is not reached with Tab")

    def enter(self, role: str, name: str) -> None:
        """Tab there, press Enter; it leads to another page."""
        self.tab_to(role, name)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.desk.look()

    def type(self, name: str, words: str, role: str = "textbox") -> None:
        self.tab_to(role, name)
        self.page.keyboard.type(words)

    def check(self, name: str) -> None:
        box = self.tab_to("checkbox", name)
        self.page.keyboard.press("Space")
        expect(box).to_be_checked()

    def sign_in(self, username: str) -> None:
        self.desk.open("/account/login/")
        self.type("User name", username)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(PASSWORD)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def download(self, name: str, folder: Path) -> Path:
        """Tab to the link of a file, press Enter."""
        self.tab_to("link", name)
        with self.page.expect_download() as awaited:
            self.page.keyboard.press("Enter")
        saved = folder / awaited.value.suggested_filename
        awaited.value.save_as(saved)
        return saved


def test_the_road(open_desk: OpenDesk, company: Company, tmp_path: Path) -> None:
    ada, paul, uma = (Keyboard(open_desk()) for _count in range(3))
    ada.sign_in(account_of(company.ada))
    ada.enter("link", "SEARCH")
    # The list follows what is typed: who leaves before it has come breaks that off, and the console says so.
    with ada.page.expect_response(lambda response: "q=lindq" in response.url):
        ada.type("Name, number", "lindq", role="searchbox")
    with ada.page.expect_navigation():
        ada.page.keyboard.press("Enter")
    ada.enter("link", "Enable")
    ada.check("SIGNATURE")
    ada.desk.sees("gets a mail")
    ada.enter("button", "Next")
    ada.desk.sees_heading("SIGNATURE for Uma Lindqvist")

    paul.sign_in(account_of(company.paul))
    paul.enter("link", "OPEN TASKS")
    paul.enter("link", "Uma Lindqvist")
    paul.enter("button", "Approve")
    paul.desk.sees("Approved")

    uma.sign_in(account_of(company.uma))
    uma.desk.open("/my/")
    uma.enter("link", "Open Tasks")
    uma.enter("link", "Read and accept")
    uma.check(ACCEPTS)
    uma.enter("button", "Accept")
    uma.enter("button", "Show passphrase")
    passphrase = uma.page.locator("output").inner_text().strip()
    uma.check(HAS_NOTED)
    uma.enter("button", "Confirm")

    uma.desk.open("/mailbox/?to=uma@example.com")
    uma.enter("link", "Your file")
    file = uma.download(".p12", tmp_path)
    assert "Uma Lindqvist" in road.open_file(uma.desk, file, passphrase).subject
    assert TokenRequest.objects.get().state == RequestState.COMPLETED


def test_the_first_tab_leads_past_the_navigation(open_desk: OpenDesk) -> None:
    desk = open_desk("ada")
    desk.page.keyboard.press("Tab")
    expect(desk.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("main")).to_be_focused()
