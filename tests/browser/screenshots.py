"""Photographs every page of both portals: `make screenshots`, or python -m tests.browser.screenshots --help.

The table of addresses says which pages there are and who opens them, so none is forgotten. The pictures lie
in var/screenshots/<content>/<page>-<width>-<scheme>.png; a run without a filter also takes those of the
documentation. It ends with 1 if a page was wider than its window, if words stood out of
their box, or if the time was up.
"""

import argparse
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import django
from django.db import connection
from django.test.utils import override_settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from identity_manager.config import languages
from tests.browser import headless

ROOT = Path(__file__).parents[2]
WIDTHS = (390, 768, 1280, 1600)
SCHEMES = ("light", "dark")
CONTENTS = ("realistic", "extreme", "empty")
CATALOGUES = sorted(path.parent.parent.name for path in ROOT.glob("locale/*/LC_MESSAGES/django.po"))
MIGRATED = ROOT / ".pytest_cache" / "d" / "migrated"  # where the tests keep theirs, too
PHONE = 500  # narrower ones are held in the hand
TALLEST = 6_000  # pixels of a page that are still worth a look
PATIENCE = 20_000  # milliseconds for one page
# Words that stand out of the box that they are drawn in, where nothing scrolls.
SPILT = """() => [...document.querySelectorAll(".card, .callout, .choice, .tile, .file, .badge, .table")]
  .flatMap((box) => [...box.querySelectorAll("*")]
    .filter((each) => each.childElementCount === 0 && each.getClientRects().length > 0)
    .filter((each) => each.closest("svg, iframe, dialog, [popover], .visually-hidden") === null)
    .filter((each) => each.getBoundingClientRect().right > box.getBoundingClientRect().right + 1
      || each.getBoundingClientRect().left < box.getBoundingClientRect().left - 1)
    .filter((each) => {
      for (let over = each; over !== box; over = over.parentElement)
        if (getComputedStyle(over).overflowX !== "visible") return false;
      return getComputedStyle(box).overflowX === "visible";
    }))
  .slice(0, 3).map((each) => each.outerHTML.slice(0, 120))"""


@dataclass
class Plan:
    """What is asked for, and until when."""

    only: list[str]
    widths: list[int]
    schemes: list[str]
    contents: list[str]
    language: str
    folder: Path
    until: float
    taken: int = 0
    faults: list[str] = field(default_factory=list)

    def wants(self, name: str) -> bool:
        return not self.only or any(word in name for word in self.only)

    def is_over(self) -> bool:
        return time.monotonic() > self.until


def plan_of(arguments: list[str]) -> tuple[Plan, bool]:
    """The plan, and whether the documentation's pictures are taken, too."""
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="pages whose names hold this; repeatable")
    parser.add_argument("--width", action="append", type=int, choices=WIDTHS, help="repeatable")
    parser.add_argument("--scheme", action="append", choices=SCHEMES, help="repeatable")
    parser.add_argument("--content", action="append", choices=CONTENTS, help="repeatable")
    parser.add_argument("--language", default="en", choices=("en", *CATALOGUES))
    parser.add_argument("--minutes", type=float, default=45, help="the longest that it may take (45)")
    parser.add_argument("--docs", action="store_true", help="the pictures of docs/images alone")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "screenshots")
    chosen = parser.parse_args(arguments)
    plan = Plan(
        only=chosen.only,
        widths=chosen.width or list(WIDTHS),
        schemes=chosen.scheme or list(SCHEMES),
        contents=[] if chosen.docs else chosen.content or list(CONTENTS),
        language=chosen.language,
        folder=chosen.folder,
        until=time.monotonic() + 60 * chosen.minutes,
    )
    return plan, chosen.docs or not arguments


@contextmanager
def running_portals() -> Iterator[str]:
    """Both portals on a port of their own and a database that is gone afterwards; gives the address."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    # Playwright's loop runs in this thread; Django's guard would refuse the world's database for it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    django.setup()  # what is imported below needs it
    from django.test.utils import (
        setup_databases,
        setup_test_environment,
        teardown_databases,
        teardown_test_environment,
    )
    from pytest_django.live_server_helper import LiveServer

    from ca_bridge.connection import registry
    from identity_manager.management.preparation import compile_catalogues
    from tests.tools.migrated import begun_from_a_copy

    logging.getLogger("identity_manager.queue").setLevel(logging.ERROR)  # there is no broker, by intention
    compile_catalogues()
    setup_test_environment(debug=False)
    place = Path(connection.settings_dict["TEST"]["NAME"])
    MIGRATED.mkdir(parents=True, exist_ok=True)
    with begun_from_a_copy(place, folder=MIGRATED):
        databases = setup_databases(verbosity=0, interactive=False, keepdb=True)
    registry.connector("corporate").initialise()
    server = LiveServer("127.0.0.1")
    mailbox = "identity_manager.mail.mailbox.MailboxBackend"
    own = {"CONSOLE_BASE_URL": server.url, "SELFSERVICE_BASE_URL": server.url, "EMAIL_BACKEND": mailbox}
    try:
        with override_settings(ALLOWED_HOSTS=["127.0.0.1", "testserver"], **own):
            yield server.url
    finally:
        server.stop()
        teardown_databases(databases, verbosity=0)
        teardown_test_environment()


class Camera:
    """Opens pages as the world's visitors, and takes their pictures."""

    def __init__(self, browser: Browser, server: str, plan: Plan) -> None:
        self.browser, self.server, self.plan = browser, server, plan

    @contextmanager
    def visit(self, cookies: dict[str, str], *, phone: bool) -> Iterator[Page]:
        """A page in a browser of the visitor's own, where every language with a catalogue is offered."""
        context: BrowserContext = self.browser.new_context(
            base_url=self.server,
            viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 900},
            locale=self.plan.language,
            reduced_motion="reduce",
            has_touch=phone,
            is_mobile=phone,
        )
        context.set_default_timeout(PATIENCE)
        kept = cookies | {"django_language": self.plan.language}
        context.add_cookies([{"name": n, "value": v, "url": self.server} for n, v in kept.items()])
        try:
            with override_settings(LANGUAGES=languages.found_in([ROOT / "locale"])):
                yield context.new_page()
        finally:
            context.close()

    def take(self, shot: "Shot", folder: Path) -> None:
        """All widths and schemes that the plan wants; on a phone the page is opened anew, under a finger."""
        for phone in (True, False):
            widths = [width for width in self.plan.widths if (width < PHONE) == phone]
            if widths:
                with self.visit(shot.cookies, phone=phone) as page:
                    shot.open(page)
                    for width in widths:
                        self._take_at(page, width, folder / shot.name)

    def _take_at(self, page: Page, width: int, path: Path) -> None:
        for scheme in self.plan.schemes:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of SCHEMES
            page.set_viewport_size({"width": width, "height": 844 if width < PHONE else 900})
            wide, tall = page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
            )
            if wide > width:
                self.plan.faults.append(f"{path.name} is {wide} px wide in a window of {width} px")
            spilt = page.evaluate(SPILT)
            if spilt:
                self.plan.faults.append(f"{path.name} spills at {width} px: {spilt}")
            name = path.with_name(f"{path.name}-{width}-{scheme}.png")
            if tall <= TALLEST:
                page.screenshot(path=name, full_page=True, animations="disabled")
            else:
                page.set_viewport_size({"width": width, "height": TALLEST})
                page.screenshot(path=name, animations="disabled")
            self.plan.taken += 1


@dataclass(frozen=True)
class Shot:
    """One page as one visitor opens it; press is a button that leads on to what is photographed."""

    name: str
    address: str
    cookies: dict[str, str]
    press: str = ""
    html: str = ""  # instead of what the server would answer

    def open(self, page: Page) -> None:
        if self.html:
            page.route(
                f"**{self.address}", lambda route: route.fulfill(body=self.html, content_type="text/html")
            )
        page.goto(self.address)
        if self.press:
            with page.expect_navigation():
                page.locator(self.press).click()
        page.evaluate("document.activeElement && document.activeElement.blur()")


def main(arguments: list[str]) -> int:
    plan, for_docs = plan_of(arguments)
    if shutil.which(headless.PROGRAM) is None:
        sys.stderr.write(f"There is no {headless.PROGRAM} here; install with: make test-programs\n")
        return 1
    with running_portals() as server, sync_playwright() as playwright:
        from tests.browser import album

        browser = headless.launched(playwright)
        camera = Camera(browser, server, plan)
        for content in plan.contents:
            album.fill(camera, content)
        if for_docs and not plan.is_over():
            album.fill_docs(camera, ROOT / "docs" / "images")
        browser.close()
    sys.stdout.write(f"{plan.taken} pictures in {plan.folder}\n")
    sys.stderr.writelines(f"{fault}\n" for fault in plan.faults)
    return 1 if plan.faults else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
