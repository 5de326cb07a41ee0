"""Every page of the table of addresses, opened by one who may, in German, in the dark, at 320 px.

Nothing is cut off or scrolls sideways (WCAG 1.4.10), and nothing is said in another language.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests.architecture.url_table import TABLE
from tests.architecture.url_world import World
from tests.browser.conftest import NARROWEST, NEEDS, PATIENCE
from tests.browser.inspection import Inspection
from tests.browser.pages import seen_by

pytestmark = [pytest.mark.timeout(600), *NEEDS, pytest.mark.long]
ELSEWHERE = ("ui:",)  # the gallery has tests of its own


@pytest.fixture
def world(live_server: LiveServer, settings: Settings, tmp_path: Path) -> World:
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    return World()


@pytest.fixture
def context(browser: Browser, live_server: LiveServer) -> Iterator[BrowserContext]:
    opened = browser.new_context(
        base_url=live_server.url,
        viewport=NARROWEST,
        color_scheme="dark",
        locale="de-DE",
        reduced_motion="reduce",
    )
    opened.set_default_timeout(PATIENCE)
    yield opened
    opened.close()


def come_in(context: BrowserContext, visitor: Client, server: str) -> None:
    """As this visitor, in German."""
    context.clear_cookies()
    cookies = {name: morsel.value for name, morsel in visitor.cookies.items()} | {"django_language": "de"}
    context.add_cookies([{"name": name, "value": value, "url": server} for name, value in cookies.items()])


@pytest.mark.parametrize(
    "_axe", ["axe on what is new", pytest.param("axe on all", marks=pytest.mark.nightly)]
)
def test_every_page_is_clean(
    context: BrowserContext, world: World, live_server: LiveServer, seen: set[str] | None, _axe: str
) -> None:
    """The mark of the second form is what has axe look at all (conftest.py, seen)."""
    faults, looked_at = [], 0
    page = context.new_page()  # one for all: a new one each time takes a tenth of the whole
    inspection = Inspection(page, scripts=True, seen=seen)
    for row in TABLE:
        browser = None if row.name.startswith(ELSEWHERE) else seen_by(world, row)
        if browser is None:
            continue
        come_in(context, browser, live_server.url)
        inspection.complaints.clear()
        page.goto(world.address(row))
        try:
            inspection.look()
        except AssertionError as fault:
            faults.append(f"{row}: {fault}")
        looked_at += 1
    assert not faults, "\n".join(faults)
    assert looked_at > 60  # so that a table that says nothing fails
