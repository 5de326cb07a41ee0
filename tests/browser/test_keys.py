"""The keys of both portals: to the search field, through lists, and the sheet that tells of them."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NEEDS, PHONE, OpenDesk
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]


def test_a_list_is_gone_through_by_keys(open_desk: OpenDesk, company: Company) -> None:
    ada = open_desk("ada")
    ada.open("/search/?kind=employee")
    page, keyboard = ada.page, ada.page.keyboard
    links = page.locator("tbody th a")

    keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    keyboard.press("j")
    expect(links.nth(1)).to_be_focused()
    keyboard.press("ArrowDown")
    expect(links.nth(2)).to_be_focused()
    keyboard.press("k")
    keyboard.press("ArrowUp")
    expect(links.nth(0)).to_be_focused()
    ada.look()

    for key in ("Control+j", "Alt+j", "Shift+ArrowDown"):
        keyboard.press(key)
    expect(links.nth(0)).to_be_focused()

    name = links.nth(0).inner_text()
    with page.expect_navigation():
        keyboard.press("Enter")
    ada.sees_heading(name)


def test_keys_are_letters_while_somebody_types(open_desk: OpenDesk, company: Company) -> None:
    ada = open_desk("ada")
    ada.open("/search/?kind=employee")
    field = ada.page.locator("[data-search]")

    ada.page.keyboard.press("/")
    expect(field).to_be_focused()
    ada.page.keyboard.type("/j?k")
    expect(field).to_have_value("/j?k")
    ada.page.keyboard.press("ArrowDown")
    expect(field).to_be_focused()
    expect(ada.page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.nightly
def test_the_sheet_opens_and_closes(open_desk: OpenDesk, company: Company) -> None:
    ada = open_desk("ada")
    ada.open("/search/?kind=employee")
    sheet = ada.page.get_by_role("dialog", name="Keys")

    ada.page.keyboard.press("?")
    expect(sheet).to_be_visible()
    ada.look()
    ada.page.keyboard.press("j")  # under a dialog nothing moves
    expect(ada.page.locator("tbody th a").first).not_to_be_focused()
    ada.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()

    ada.page.get_by_role("button", name="Menu of").click()
    ada.page.get_by_role("link", name="Keys").click()
    expect(sheet).to_be_visible()
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_be_hidden()


@pytest.mark.nightly
def test_the_person_on_a_phone_has_them_too(open_desk: OpenDesk) -> None:
    uma = open_desk("uma", viewport=PHONE, color_scheme="dark", language="de")
    uma.page.keyboard.press("?")
    expect(uma.page.get_by_role("dialog", name="Tasten")).to_be_visible()
    uma.look()


def test_without_scripts_the_sheet_is_a_page(open_desk: OpenDesk) -> None:
    ada = open_desk("ada", scripts=False)
    ada.page.get_by_role("button", name="Menu of").click()
    ada.follow("Keys")
    ada.sees_heading("Keys")
    ada.sees("to the next row of a list")
