"""Every mail, as a mail program draws it that follows the person's light or dark mode."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # has no types
from playwright.sync_api import Browser, Page

from identity_manager.mail import specimens
from identity_manager.mail.registry import MAILS
from identity_manager.models import OutgoingMail
from tests.browser import headless

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs_program(headless.PROGRAM),
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(90),
]
# The contrast of text is 7:1 (WCAG AAA), so the enhanced rule too.
RULES = ("color-contrast", "color-contrast-enhanced", "link-in-text-block")
OPTIONS = {
    "resultTypes": ["violations", "incomplete"],
    "runOnly": {"type": "rule", "values": list(RULES)},
    "rules": {rule: {"enabled": True} for rule in RULES},
}
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
SCHEMES = ("light", "dark")


@pytest.fixture(params=[pytest.param("light", marks=pytest.mark.nightly), "dark"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A window of a phone's width, in that mode."""
    context = browser.new_context(color_scheme=request.param, viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


def trouble(page: Page, mail: OutgoingMail) -> str:
    """What axe finds in the mail, and how wide it is where it is too wide; empty where all is well."""
    page.set_content(mail.body_html)
    found = Axe().run(page, options=OPTIONS).response
    words = [
        f"{each['id']}: {node['html'][:120]} {node['any'][0].get('data')}"
        for each in (*found["violations"], *found["incomplete"])
        for node in each["nodes"]
    ]
    wide = page.evaluate("document.documentElement.scrollWidth")
    return "\n".join([*words, *([f"{wide} px wide"] if wide > 390 else [])])


def test_every_mail_can_be_read(page: Page) -> None:
    mails = {name: specimens.specimen(name, language="de") for name in MAILS}
    found = {name: trouble(page, mail) for name, mail in mails.items()}
    assert {name: words for name, words in found.items() if words} == {}


def test_both_modes_are_drawn(browser: Browser) -> None:
    """So that the test above compares something; and the program is told not to invert the colours."""
    mail = specimens.specimen("information", language="en")
    colours = set()
    for scheme in SCHEMES:
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.set_content(mail.body_html)
        colours.add(page.evaluate(BACKGROUND))
        declared = page.locator('meta[name="color-scheme"]').get_attribute("content")
        assert declared == "light dark"
        context.close()
    assert len(colours) == len(SCHEMES)


def test_what_cannot_be_read_is_found(browser: Browser) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    mail = specimens.specimen("information", language="en")
    mail.body_html = mail.body_html.replace("color: #e7ebee", "color: #4f5b66")
    assert "color-contrast" in trouble(page, mail)
    context.close()
