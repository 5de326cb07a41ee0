"""The gallery in Chromium: free of what axe finds at every width; with scripts and without."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from identity_manager.ui.gallery.samples import PASSPHRASE
from tests.browser.conftest import NEEDS

pytestmark = [*NEEDS, pytest.mark.long]
WIDTHS = (390, 768, 1280, 1600)


@pytest.fixture
def gallery(live_server: LiveServer) -> str:
    return f"{live_server.url}{reverse('ui:gallery')}"


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


@pytest.fixture
def page(browser: Browser, options: dict[str, Any]) -> Iterator[Page]:
    """Closed in the end: what moves on the gallery would go on moving beside all later tests."""
    context = browser.new_context(**options)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.nightly), "dark"])
def test_axe_finds_nothing_and_nothing_is_cut_off(gallery: str, browser: Browser, scheme: str) -> None:
    for width in WIDTHS:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        complaints = []
        page.on("console", lambda message, seen=complaints: seen.append(message.text))
        page.goto(gallery)
        assert complaints == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.close()


def test_a_dialog_and_a_menu_open_and_close(gallery: str, page: Page) -> None:
    page.goto(gallery)
    dialog, menu = page.locator("#sample-dialog"), page.locator("#sample-menu")
    page.locator("[data-dialog=sample-dialog]").click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_be_hidden()
    page.locator("[popovertarget=sample-menu]").click()
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()


def test_the_slash_key_leads_to_the_search_field(gallery: str, page: Page) -> None:
    page.goto(gallery)
    page.keyboard.press("/")
    expect(page.locator("#sample-q")).to_be_focused()
    page.keyboard.type("a/b")
    expect(page.locator("#sample-q")).to_have_value("a/b")


def test_the_bar_follows_what_is_selected(gallery: str, page: Page) -> None:
    page.goto(gallery)
    bar = page.locator("[data-selection]")
    expect(bar).to_contain_text("1 chosen")
    page.locator("[data-select-all]").check()
    expect(bar).to_contain_text("4 chosen")
    page.locator("[data-select-all]").uncheck()
    expect(bar).to_be_hidden()


@pytest.mark.parametrize("options", [{"permissions": ["clipboard-write"]}])
def test_a_secret_is_copied_whole_and_hidden_in_time(gallery: str, page: Page) -> None:
    page.clock.install()
    page.goto(gallery)
    page.locator("[data-copy=sample-secret]").click()
    expect(page.locator("#announcement")).to_have_text("Copied")  # the browser writes it after the click
    page.locator("#sample-q").press("Control+v")  # no page may read the clipboard by itself
    expect(page.locator("#sample-q")).to_have_value(PASSPHRASE)
    page.locator("#sample-q").fill("")
    page.clock.run_for("10:01")
    expect(page.locator("#sample-secret")).to_be_hidden()
    assert PASSPHRASE[:5] not in page.content()


@pytest.mark.parametrize("options", [{"java_script_enabled": False}])
def test_without_scripts_nothing_is_offered_that_needs_them(gallery: str, page: Page) -> None:
    page.goto(gallery)
    expect(page.locator("#sample-secret")).to_be_visible()
    assert page.locator("[data-needs-script]:visible").count() == 0
    page.locator("[popovertarget=sample-menu]").click()
    expect(page.locator("#sample-menu")).to_be_visible()
