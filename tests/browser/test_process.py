"""The picture of the process in a browser: wide, on a phone in the dark, by keyboard, without scripts."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NEEDS, PHONE, OpenDesk
from tests.browser.desk import Desk
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]


def open_the_fold(desk: Desk, company: Company, words: str) -> None:
    desk.page.goto(reverse("console:request", args=[company.request_in("completed").pk]))
    desk.page.get_by_text(words).click()
    expect(desk.page.locator("svg.process")).to_be_visible()


def scrolled(desk: Desk, region: Locator) -> int:
    """How far, a moment later."""
    desk.page.wait_for_timeout(50)
    return int(region.evaluate("each => each.scrollLeft"))


@pytest.mark.nightly
def test_wide_and_light(open_desk: OpenDesk, company: Company, tmp_path: Path) -> None:
    ada = open_desk("ada")
    open_the_fold(ada, company, "Show the whole process")
    ada.look()
    picture = ada.page.get_by_role("img", name="The process of a request")
    expect(picture).to_have_accessible_description(
        "Now: Completed. The way so far: Approve, Invite, Accept, "
        "All are sealed, All are finished. The list below says the same."
    )
    ada.page.get_by_text("The same as a list").click()
    expect(ada.page.get_by_text("Went this way")).to_have_count(5)
    ada.look()

    file = ada.download("BPMN 2.0", tmp_path)
    assert file.name == "PstmProcRequestInitialSoftwareToken.bpmn"
    assert ET.parse(file).getroot().tag.endswith("definitions")  # noqa: S314 our own file, just made

    ada.follow("About this process")
    ada.sees_heading("The process of a request")


def test_on_a_phone_in_the_dark_it_scrolls_by_keyboard(open_desk: OpenDesk, company: Company) -> None:
    ada = open_desk("ada", viewport=PHONE, color_scheme="dark", language="de")
    open_the_fold(ada, company, "Den ganzen Ablauf zeigen")
    ada.look()
    frame = ada.page.get_by_role("region", name="Der Ablauf als Bild")
    frame.focus()
    ada.page.keyboard.press("ArrowRight")
    scrolled = (
        ada.page.wait_for_timeout(50) or frame.evaluate("each => each.scrollLeft") for _try in range(100)
    )
    assert any(scrolled)
    ada.page.get_by_text("Dasselbe als Liste").click()
    ada.look()
    ada.open("/process/")


@pytest.mark.nightly
def test_without_scripts_and_in_forced_colours(open_desk: OpenDesk, company: Company) -> None:
    ada = open_desk("ada", scripts=False, forced_colors="active")
    open_the_fold(ada, company, "Show the whole process")
    ada.look()
    now = ada.page.locator(".process-now")
    expect(now).to_contain_text("Now")
    width = "element => parseFloat(getComputedStyle(element.querySelector('rect, circle')).strokeWidth)"
    others = ada.page.locator(".process-end:not(.process-now)").first
    assert now.evaluate(width) > others.evaluate(width)
