"""Printed pages in Chromium: evidence and what is kept about a person, to PDF; in German, from a phone."""

import re
from pathlib import Path

import pytest

from identity_manager.models import Person, Role, RoleAssignment, TermsText, TokenRequest
from identity_manager.workflow import step1_enable
from tests.browser.conftest import NEEDS, OpenDesk
from tests.browser.desk import Desk
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]
LONG = "Signs offers of the sales team. " * 15


def finished(company: Company) -> TokenRequest:
    """Of somebody with a long name, for a long reason."""
    Person.objects.filter(pk=company.uma.pk).update(department="Donaudampfschifffahrt" * 5)
    request = step1_enable.enable(
        actor=company.ada,
        person_id=company.uma.pk,
        type_ids=[company.signature.pk, company.vpn.pk],
        purpose=LONG[:500],
    )
    request = cast.delivered(cast.issued(cast.accepted(cast.approved(company.paul, request))))
    for token in request.tokens.all():
        cast.noted(token)
    return TokenRequest.objects.get(pk=request.pk)


def pages_of(desk: Desk, folder: Path) -> int:
    """How many sheets of A4 the page is as a PDF, printed as it is on paper."""
    file = folder / "page.pdf"
    desk.page.pdf(path=file, prefer_css_page_size=True)
    content = file.read_bytes()
    assert b"/MediaBox [0 0 594" in content or b"/MediaBox [0 0 595" in content, "A4"
    return len(re.findall(rb"/Type /Page\b", content))


def fits(desk: Desk) -> None:
    """On paper nothing is cut off at the right."""
    desk.page.emulate_media(media="print")
    desk.page.set_viewport_size({"width": 688, "height": 1000})  # A4 without its margins
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= 688
    shown = desk.page.locator(".sheet-actions, .portal-bar").evaluate_all(
        "found => found.filter(each => each.getClientRects().length).length"
    )
    assert shown == 0, "buttons are not printed"


def test_evidence_is_read_on_the_screen_and_printed(
    open_desk: OpenDesk, company: Company, tmp_path: Path
) -> None:
    request = finished(company)
    auditor = cast.person("otto", roles=())
    RoleAssignment.objects.create(person=auditor, role=Role.AUDITOR)
    otto = open_desk(auditor)
    otto.open(f"/requests/{request.pk}/")

    otto.press("Evidence to print")

    otto.sees_heading("Evidence")
    otto.look()
    assert 2 <= pages_of(otto, tmp_path) <= 12
    fits(otto)


def test_what_is_kept_about_a_person_is_printed_in_german_from_a_phone(
    open_desk: OpenDesk, company: Company, tmp_path: Path
) -> None:
    finished(company)
    TermsText.objects.update(title="Nutzungsbedingungen")  # what was accepted stands there as it was
    rita = open_desk("rita", language="de", color_scheme="dark", viewport={"width": 390, "height": 844})
    rita.open(f"/persons/{company.uma.pk}/")
    rita.follow("Für diese Person drucken")

    rita.press("Drucken")

    rita.sees_heading("Was über Sie gespeichert ist")
    rita.look()
    assert 2 <= pages_of(rita, tmp_path) <= 15
    fits(rita)
