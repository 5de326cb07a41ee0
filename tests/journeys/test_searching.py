"""An office's daily work with lists: find, choose, take along, keep, and start the day with what is kept."""

import csv
import io

import pytest

from identity_manager.demo.pages import HtmlPage
from identity_manager.models import Certificate, PersonKind, SavedSearch
from tests.journeys.office import Office
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


def rows_of(page: HtmlPage) -> list[dict[str, str]]:
    text = page.html.removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_request_and_its_certificate_are_found_again(office: Office) -> None:
    request = office.enable("VPN")
    office.accept(request)
    serial = Certificate.objects.get().serial

    office.ada.open("/search/")
    page = office.ada.press("Search", kind="request", q=request.reference.replace("-", "").lower())
    assert "1 of 1 request" in page.text
    office.ada.follow("Uma Lindqvist", within=str(request.pk))
    assert request.reference in office.ada.page.text

    office.ada.open("/search/?kind=certificate")
    written = ":".join(serial[start : start + 2] for start in range(0, len(serial) // 2 * 2, 2)).upper()
    page = office.ada.press("Search", q=written)
    assert "1 of 1 certificate" in page.text
    office.ada.follow("Uma Lindqvist", within=str(request.pk))


def test_an_external_person_is_found_by_department_and_enabled(office: Office) -> None:
    xenia = cast.person("xenia", kind=PersonKind.EXTERNAL, department="Guests", roles=())
    cast.person("xaver", kind=PersonKind.EXTERNAL, department="Field", roles=())

    office.ada.open("/search/")
    office.ada.press("Search", kind="external")
    page = office.ada.press("Search", department="Guests")

    assert "1 of 2 external persons" in page.text
    assert "Department: Guests" in page.text
    office.ada.follow("Enable", within=str(xenia.pk))
    office.ada.press("Next", "VPN")
    assert "Xenia" in office.ada.page.text


def test_a_result_and_a_selection_are_taken_along(office: Office) -> None:
    office.accept(office.enable("VPN"))

    office.ada.open("/search/?kind=employee&token_type=vpn")
    (uma,) = rows_of(office.ada.press("Export as CSV"))
    assert (uma["Given name"], uma["Software tokens"]) == ("Uma", "VPN")

    office.ada.open("/search/?kind=employee")
    form = office.ada.page.form("Export selection")
    for control in form.controls:
        control.checked = control.value in {str(office.company.sam.pk), str(office.company.paul.pk)}
    assert [row["Given name"] for row in rows_of(office.ada.send(form))] == ["Sam", "Paul"]

    office.ada.open("/search/?kind=employee")
    page = office.ada.press("Export selection")
    assert page.status == 422
    assert "Nothing is chosen." in page.text


def test_a_search_is_kept_found_on_start_renamed_and_deleted(office: Office) -> None:
    office.ada.open("/search/?kind=employee&department=Research&q=stone")
    office.ada.follow("Save this search")
    office.ada.press("Save", name="Stones of Research")

    page = office.ada.open("/")
    assert "1 Stones of Research" in page.text
    office.ada.follow("1 Stones of Research")
    assert "1 of 6 employees" in office.ada.page.text

    office.ada.follow("Manage")
    office.ada.follow("Rename")
    office.ada.press("Rename", name="Stones")
    assert "Stones of Research" not in office.ada.page.text
    office.ada.follow("Delete")
    office.ada.press("Delete the search")
    assert not SavedSearch.objects.exists()
    assert "Stones" not in office.ada.open("/").text


def test_the_day_begins_with_numbers_that_lead_to_what_they_count(office: Office) -> None:
    office.enable("SIGNATURE")

    page = office.paul.open("/")
    assert "1 request waits for your decision" in page.text
    office.paul.follow("1 request waits for your decision")
    assert "Uma Lindqvist" in office.paul.page.text

    office.ada.open("/")
    office.ada.follow("1 waits for approval")
    assert "1 of 1 request" in office.ada.page.text


def test_a_day_that_is_none_is_told_at_its_field_and_nothing_is_lost(office: Office) -> None:
    office.ada.open("/search/")
    page = office.ada.press("Search", q="lindqvist", expires_before="31.2.2030")

    assert page.status == 422
    assert "This is no day. Write it as year-month-day" in page.text
    assert 'value="lindqvist"' in page.html
    assert 'value="31.2.2030"' in page.html
