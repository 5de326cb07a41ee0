"""SEARCH in a browser: wide, on a phone, in the dark, with extreme content; what scripts add."""

from typing import Any

import pytest
from playwright.sync_api import expect

from identity_manager.console.audit import log as audit_log
from identity_manager.models import Person, PersonKind
from identity_manager.people import saved_searches
from tests.browser.conftest import NEEDS, PHONE, OpenDesk
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]
LONG = "Wolfeschlegelsteinhausenbergerdorff " * 5


@pytest.fixture
def extremes(company: Company) -> None:
    """A request of each interesting state, a certificate, the longest words that there may be."""
    company.request_in("completed")
    company.request_in("requested")
    cast.person(
        "longa",
        surname=LONG[:190],
        display_name=f"Longa {LONG}"[:399],
        department=("Zusammenarbeit" * 14)[:200],
        organisational_unit="U" * 200,
        email=f"{'l' * 60}@{'example' * 8}.com",
        sid="",
    )
    cast.person("xenia", kind=PersonKind.EXTERNAL, sid="")
    saved_searches.keep(actor=company.ada, name="W" * 60, kind="request", query="kind=request")
    for number in range(4):
        saved_searches.keep(actor=company.ada, name=f"Kept {number}", kind="employee", query="kind=employee")


ADDRESSES = (
    "/",
    "/search/?kind=employee",
    "/search/?kind=employee&department=Gone&expires_before=2030-01-01&q=nobody",
    "/search/?kind=employee&expires_before=2300-01-01",
    "/search/?kind=external",
    "/search/?kind=request",
    "/search/?kind=certificate",
    "/requests/?state=open",
    "/search/saved/",
    "/search/saved/new/?kind=employee&q=uma&state=active",
)


@pytest.mark.nightly
def test_wide_and_light(open_desk: OpenDesk, extremes: None) -> None:
    ada = open_desk("ada")
    for address in ADDRESSES:
        status = 422 if "2300" in address else 200
        ada.page.goto(address)
        if status != 200:
            ada.inspection.expect_status(status)
        ada.look()


def test_on_a_phone_in_the_dark(open_desk: OpenDesk, extremes: None) -> None:
    ada = open_desk("ada", viewport=PHONE, color_scheme="dark", locale="de-DE", language="de")
    for address in ADDRESSES:
        ada.page.goto(address)
        if "2300" in address:
            ada.inspection.expect_status(422)
        ada.look()


@pytest.mark.nightly
def test_fields_of_a_filter_stand_in_one_line(open_desk: OpenDesk, extremes: None) -> None:
    ada = open_desk("ada")
    ada.page.goto("/mails/?since=2026-01-01T00:00")
    labels = ada.page.locator(".filters .field-label")
    expect(labels).to_have_count(7)
    tops = labels.evaluate_all("all => all.map(each => each.getBoundingClientRect().top)")
    assert len(set(tops[:4])) == 1
    ada.look()


def test_choosing_rows_raises_the_bar(open_desk: OpenDesk, company: Company) -> None:
    ada = open_desk("ada")
    ada.open("/search/?kind=employee")
    export = ada.page.get_by_role("button", name="Export selection")
    expect(export).to_be_hidden()

    ada.page.get_by_role("checkbox", name="Choose Uma Lindqvist").check()
    expect(export).to_be_visible()
    expect(ada.page.locator(".selection")).to_contain_text("1 selected")
    ada.page.get_by_role("checkbox", name="Choose all rows of this page").check()
    expect(ada.page.locator(".selection")).to_contain_text(f"{Person.objects.count()} selected")
    ada.look()

    with ada.page.expect_download() as awaited:
        export.click()
    assert awaited.value.suggested_filename.startswith("persons-")


@pytest.fixture
def crowd(company: Company) -> None:
    for number in range(30):
        cast.person(f"n{number}", surname=f"Nygård {number:02}", given_name="Nils", sid="")


@pytest.mark.parametrize("scripts", [True, pytest.param(False, marks=pytest.mark.nightly)])
def test_a_selection_survives_paging_by_keyboard(open_desk: OpenDesk, crowd: None, *, scripts: bool) -> None:
    ada = open_desk("ada", scripts=scripts)
    ada.open("/search/?kind=employee&q=nygard&sort=name")
    ada.page.locator(".row-select").nth(1).focus()
    ada.page.keyboard.press("Space")
    ada.page.get_by_role("button", name="Next page").focus()
    ada.page.keyboard.press("Enter")
    expect(ada.page.locator(".pagination [aria-current=page]")).to_have_text("2")
    expect(ada.page.locator(".selection [role=status]")).to_contain_text("1 selected")
    ada.look()
    ada.page.locator(".row-select").nth(0).check()
    ada.page.get_by_role("button", name="Previous page").click()
    expect(ada.page.locator(".selection [role=status]")).to_contain_text("2 selected")
    expect(ada.page.locator(".row-select:checked")).to_have_count(1)

    ada.page.get_by_role("checkbox", name="Select all 30 found").check()
    if scripts:
        expect(ada.page.locator(".selection [role=status]")).to_contain_text("30 selected")
        expect(ada.page.locator(".row-select:checked")).to_have_count(25)
        ada.page.locator(".row-select").nth(3).uncheck()
        expect(ada.page.get_by_role("checkbox", name="Select all 30 found")).not_to_be_checked()
        expect(ada.page.locator(".selection [role=status]")).to_contain_text("25 selected")
        ada.page.get_by_role("checkbox", name="Select all 30 found").check()
    ada.page.get_by_role("button", name="Next page").click()
    expect(ada.page.locator(".selection [role=status]")).to_contain_text("30 selected")
    ada.page.get_by_role("button", name="Clear the selection").click()
    expect(ada.page.locator(".row-select:checked")).to_have_count(0)
    expect(ada.page.locator(".pagination [aria-current=page]")).to_have_text("2")


def test_the_table_does_not_jump(open_desk: OpenDesk, crowd: None) -> None:
    ada = open_desk("ada")
    cast.person("long", surname="Nygård 29x" + "w" * 60, given_name="Nils" * 9, department="D" * 90, sid="")
    ada.open("/search/?kind=employee&q=nygard&sort=name")
    heads = ada.page.locator("thead th")

    def widths() -> list[float]:
        return heads.evaluate_all("all => all.map(each => Math.round(each.getBoundingClientRect().width))")

    first = widths()
    ada.page.get_by_role("button", name="Next page").click()
    expect(ada.page.locator(".pagination [aria-current=page]")).to_have_text("2")
    assert widths() == first
    ada.page.get_by_role("searchbox").fill("nygard 07")
    expect(ada.page.locator("tbody tr")).to_have_count(1)
    assert widths() == first


def test_what_is_searched_for_is_chosen_without_a_search(open_desk: OpenDesk, company: Company) -> None:
    ada = open_desk("ada")
    ada.open("/search/?kind=employee&q=uma")
    asked: list[str] = []
    ada.page.on("request", lambda request: asked.append(request.url))
    ada.page.get_by_label("Search for").select_option("certificate")
    ada.page.wait_for_timeout(700)

    assert asked == []
    expect(ada.page.locator("tbody tr")).to_have_count(1)
    ada.press("Search")
    expect(ada.page.locator("#found")).to_contain_text("certificates")


@pytest.mark.nightly
def test_the_number_of_rows_is_remembered(open_desk: OpenDesk, crowd: None) -> None:
    ada = open_desk("ada")
    ada.open("/search/?kind=employee&q=nygard")
    ada.page.get_by_role("button", name="50", exact=True).click()
    expect(ada.page.locator("tbody tr")).to_have_count(30)
    ada.open("/search/?kind=employee&q=nils")
    expect(ada.page.locator("tbody tr")).to_have_count(30)


def test_without_scripts_the_bar_is_always_there(open_desk: OpenDesk, company: Company) -> None:
    ada = open_desk("ada", scripts=False)
    ada.open("/search/?kind=employee")

    expect(ada.page.get_by_role("button", name="Export selection")).to_be_visible()
    expect(ada.page.get_by_role("checkbox", name="Choose all rows of this page")).to_be_hidden()
    ada.page.get_by_role("checkbox", name="Choose Uma Lindqvist").check()
    with ada.page.expect_download() as awaited:
        ada.page.get_by_role("button", name="Export selection").click()
    assert awaited.value.suggested_filename.endswith(".csv")


@pytest.mark.nightly
def test_another_kind_is_searched_when_search_is_pressed_not_before(
    open_desk: OpenDesk, extremes: None
) -> None:
    """Who goes through the choices with the arrow keys would be taken away from them (WCAG 3.2.2)."""
    ada = open_desk("ada")
    ada.open("/search/?kind=employee&state=active&q=uma")
    asked: list[str] = []
    ada.page.on("request", lambda request: asked.append(request.url))
    ada.page.get_by_label("Search for").select_option("request")
    ada.page.wait_for_timeout(1000)
    assert asked == []
    ada.page.get_by_role("main").get_by_role("button", name="Search").first.click()
    expect(ada.page.get_by_text("2 of 2 requests")).to_be_visible()
    ada.look()
    ada.sees("2 of 2 requests")


def test_it_searches_while_somebody_types(open_desk: OpenDesk, company: Company) -> None:
    ada = open_desk("ada")
    ada.open("/search/?kind=employee")
    asked: list[str] = []
    ada.page.on("request", lambda request: asked.append(request.url) if "q=" in request.url else None)
    field = ada.page.locator("[data-search]")

    field.press_sequentially("lindq", delay=20)
    expect(ada.page.locator("tbody tr")).to_have_count(1)
    assert len(asked) == 1  # one question for five letters
    expect(field).to_be_focused()
    expect(field).to_have_value("lindq")
    expect(ada.page.locator("#announcement")).to_contain_text("for “lindq”")
    assert "q=lindq" in ada.page.url
    ada.look()
    ada.inspection.look_for("htmx-history-cache")

    ada.page.reload()  # the address says it all
    expect(ada.page.locator("tbody tr")).to_have_count(1)
    ada.look()


def test_an_answer_that_comes_late_is_not_shown(open_desk: OpenDesk, company: Company) -> None:
    """The first question is still on its way when the second is asked; the first is given up."""
    ada = open_desk("ada")
    ada.open("/search/?kind=employee")
    failed: list[str] = []
    ada.page.on("requestfailed", lambda request: failed.append(request.url))
    ada.page.route("**/search/?*q=sam*", lambda route: None)  # it is never answered
    field = ada.page.locator("[data-search]")

    with ada.page.expect_request("**/search/?*q=sam*"):
        field.fill("sam")
    field.fill("lindq")

    expect(ada.page.locator("tbody th")).to_have_count(1)
    expect(ada.page.locator("tbody th")).to_contain_text("Uma Lindqvist")
    assert ["q=sam" in url for url in failed] == [True]


def test_a_filter_is_applied_as_soon_as_it_is_chosen(open_desk: OpenDesk, company: Company) -> None:
    ada = open_desk("ada", viewport=PHONE)
    ada.open("/search/?kind=employee")
    ada.page.get_by_text("Filter", exact=True).click()
    ada.page.get_by_label("State").select_option("locked")

    expect(ada.page.get_by_text("Clear the filters")).to_be_visible()
    expect(ada.page.locator("tbody tr")).to_have_count(0)
    assert "state=locked" in ada.page.url
    ada.look()


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("options", "words", "link"),
    [
        pytest.param({}, "Details are read for these words back to", "Read further back", id="wide"),
        pytest.param(
            {"viewport": PHONE, "color_scheme": "dark", "locale": "de-DE", "language": "de"},
            "Die Einzelheiten werden nach diesen Wörtern durchsucht, zurück bis",
            "Weiter zurück suchen",
            id="phone",
        ),
    ],
)
def test_words_in_the_audit_log_lead_further_back(
    open_desk: OpenDesk,
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    words: str,
    link: str,
) -> None:
    """Of an officer who may open both, the person and the request."""
    monkeypatch.setattr(audit_log, "READ_FOR_WORDS", 1)
    company.request_in("rejected")
    ada = open_desk("ada", **options)
    ada.open("/history/?q=needed")
    ada.sees(words)
    ada.follow(link)
