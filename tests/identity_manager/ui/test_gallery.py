"""The gallery: every part, in every state, free of what axe finds; in the embedded mode only."""

import os
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse
from playwright.sync_api import expect, sync_playwright

from identity_manager.ui.gallery_samples import ERRORS, PASSPHRASE
from identity_manager.ui.templatetags import ui

WIDTHS = (390, 768, 1280, 1600)


def test_it_shows_every_part(db):
    response = Client().get(reverse("ui:gallery"))
    drawn = response.content.decode()
    assert response.status_code == 200
    for part in ("stepper", "timeline", "keyvalues", "choice", "secret-words", "selection", "dialog", "menu"):
        assert f'class="{part}' in drawn, part


def drawn_templates(*addresses):
    """The names of all templates that these pages are made of."""
    responses = [Client().get(address) for address in addresses]
    assert {response.status_code for response in responses} == {200}
    return {template.name for response in responses for template in response.templates}


def test_it_shows_each_part_that_there_is(db):
    """A part without a place here is one that nobody looks at."""
    folder = Path(settings.BASE_DIR) / "templates"
    files = [path for path in (folder / "ui").rglob("*.html") if "{% extends" not in path.read_text()]
    parts = {str(path.relative_to(folder)) for path in files}
    errors = [reverse("ui:gallery-error", args=[which]) for which in ERRORS]
    assert parts - drawn_templates(reverse("ui:gallery"), *errors) == set()
    pages = {path.name for path in folder.glob("[45]*.html")}
    assert pages - drawn_templates(*errors) == set()


def test_it_shows_each_tag_that_draws(db):
    sources = [path.read_text() for path in (Path(settings.BASE_DIR) / "templates" / "ui").glob("*.html")]
    used = set(re.findall(r"{% (\w+)", "".join(sources)))
    assert set(ui.register.tags) - used - {f"end{name}" for name in used} == set()


def test_a_sample_of_an_error_is_none(db):
    assert Client().get(reverse("ui:gallery-error", args=["nothing"])).status_code == 404
    with override_settings(EMBEDDED=False):
        assert Client().get(reverse("ui:gallery-error", args=["500"])).status_code == 404


@override_settings(EMBEDDED=False)
def test_it_is_not_there_in_production(db):
    assert Client().get(reverse("ui:gallery")).status_code == 404


@pytest.fixture
def browser(chromium, monkeypatch):
    # Playwright's loop runs in this thread; Django's guard would refuse the fixtures' database for it.
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.mark.long
@pytest.mark.needs_program("chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_cut_off(live_server, browser, scheme):
    for width in WIDTHS:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        complaints = []
        page.on("console", lambda message, seen=complaints: seen.append(message.text))
        page.goto(f"{live_server.url}{reverse('ui:gallery')}")
        assert complaints == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.close()


@pytest.mark.long
@pytest.mark.needs_program("chromium")
def test_a_dialog_and_a_menu_open_and_close(live_server, browser):
    page = browser.new_page()
    page.goto(f"{live_server.url}{reverse('ui:gallery')}")
    dialog, menu = page.locator("#sample-dialog"), page.locator("#sample-menu")
    page.locator("[data-dialog=sample-dialog]").click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_be_hidden()
    page.locator("[popovertarget=sample-menu]").click()
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()


@pytest.mark.long
@pytest.mark.needs_program("chromium")
def test_the_slash_key_leads_to_the_search_field(live_server, browser):
    page = browser.new_page()
    page.goto(f"{live_server.url}{reverse('ui:gallery')}")
    page.keyboard.press("/")
    expect(page.locator("#sample-q")).to_be_focused()
    page.keyboard.type("a/b")
    expect(page.locator("#sample-q")).to_have_value("a/b")


@pytest.mark.long
@pytest.mark.needs_program("chromium")
def test_the_bar_follows_what_is_selected(live_server, browser):
    page = browser.new_page()
    page.goto(f"{live_server.url}{reverse('ui:gallery')}")
    bar = page.locator("[data-selection]")
    expect(bar).to_contain_text("1 chosen")
    page.locator("[data-select-all]").check()
    expect(bar).to_contain_text("4 chosen")
    page.locator("[data-select-all]").uncheck()
    expect(bar).to_be_hidden()


@pytest.mark.long
@pytest.mark.needs_program("chromium")
def test_a_secret_is_copied_whole_and_hidden_in_time(live_server, browser):
    context = browser.new_context(permissions=["clipboard-write"])
    page = context.new_page()
    page.clock.install()
    page.goto(f"{live_server.url}{reverse('ui:gallery')}")
    page.locator("[data-copy=sample-secret]").click()
    page.locator("#sample-q").press("Control+v")  # no page may read the clipboard by itself
    expect(page.locator("#sample-q")).to_have_value(PASSPHRASE)
    page.locator("#sample-q").fill("")
    page.clock.run_for("10:01")
    expect(page.locator("#sample-secret")).to_be_hidden()
    assert PASSPHRASE[:5] not in page.content()


@pytest.mark.long
@pytest.mark.needs_program("chromium")
def test_without_scripts_nothing_is_offered_that_needs_them(live_server, browser):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{live_server.url}{reverse('ui:gallery')}")
    expect(page.locator("#sample-secret")).to_be_visible()
    assert page.locator("[data-needs-script]:visible").count() == 0
    page.locator("[popovertarget=sample-menu]").click()
    expect(page.locator("#sample-menu")).to_be_visible()
