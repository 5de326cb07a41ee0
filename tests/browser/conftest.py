"""Both portals, live, and browsers for the people who work with them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, expect, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from identity_manager.models import Person, Role
from tests.browser import headless
from tests.browser.desk import Desk
from tests.journeys.office import PASSWORD, account_of, worker
from tests.tools.cast import Company

PATIENCE = 15_000  # milliseconds; a machine of two cores does other things beside
NEEDS = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_program(headless.PROGRAM, "openssl"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(90),
]
OpenDesk = Callable[..., Desk]
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
ZOOMED = {"width": 640, "height": 450}  # a window of 1280 px at 200 % (WCAG 1.4.4)
NARROWEST = {"width": 320, "height": 640}  # 1280 px at 400 % (WCAG 1.4.10)
LOOKS: dict[str, dict[str, Any]] = {
    "1280 px": {},
    "1280 px, dark": {"color_scheme": "dark"},
    "390 px": {"viewport": PHONE, "has_touch": True},
    "390 px, dark": {"viewport": PHONE, "has_touch": True, "color_scheme": "dark"},
    "200 %": {"viewport": ZOOMED, "device_scale_factor": 2},
    "320 px": {"viewport": NARROWEST},
    "forced colours": {"forced_colors": "active"},
}


def in_looks(usual: str) -> pytest.MarkDecorator:
    """The test in its usual look, and nightly in each other one.

    What the others have of their own other tests have before each change: test_every_address.py the narrowest
    window, test_reading_aids.py forced colours.
    """
    values = [
        pytest.param(look, id=name, marks=() if name == usual else pytest.mark.nightly)
        for name, look in LOOKS.items()
    ]
    return pytest.mark.parametrize("look", values)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Playwright's loop runs in this thread; Django's guard would refuse the fixtures' database for it.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=PATIENCE)
        started = headless.launched(playwright)
        yield started
        started.close()


@pytest.fixture
def company(live_server: LiveServer, settings: Settings, tmp_path: Path) -> Iterator[Company]:
    """Everybody of the cast, with accounts; mails stay in the mailbox and lead to the live portals."""
    settings.EMAIL_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    settings.CONSOLE_BASE_URL = settings.SELFSERVICE_BASE_URL = live_server.url
    cache.clear()  # rate limits count what the journey before did
    with worker(at_once=True):
        yield Company()


@pytest.fixture(scope="package")
def seen_by_all() -> set[str]:
    return set()


@pytest.fixture
def seen(request: pytest.FixtureRequest, seen_by_all: set[str]) -> set[str] | None:
    """The parts of pages that axe has found nothing on; None in a nightly test, where it looks at all."""
    return None if request.node.get_closest_marker("nightly") else seen_by_all


def session_of(username: str) -> str:
    """Signed in with a password just now, as at the page that test_by_keyboard goes through."""
    client = Client()
    client.post(reverse("account_login"), {"login": username, "password": PASSWORD})
    return client.cookies["sessionid"].value


@pytest.fixture
def open_desk(
    browser: Browser, seen: set[str] | None, live_server: LiveServer, company: Company
) -> Iterator[OpenDesk]:
    """Opens a desk for a person of the cast, signed in, or for nobody; options are a browser context's."""
    contexts = []

    def opened(who: str | Person = "", *, scripts: bool = True, language: str = "en", **options: Any) -> Desk:
        context = browser.new_context(
            base_url=live_server.url,
            java_script_enabled=scripts,
            **{"viewport": WIDE, "reduced_motion": "reduce", **options},
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
        person = getattr(company, who) if isinstance(who, str) and who else who
        if person:
            session = session_of(account_of(person))
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        desk = Desk(context, scripts=scripts, seen=seen)
        if person:
            desk.open("/my/" if person.has_role(Role.SELF_SERVICE_USER) else "/")
        return desk

    yield opened
    for context in contexts:
        context.close()
