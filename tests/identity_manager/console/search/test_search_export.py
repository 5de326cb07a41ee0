"""What officers take along from SEARCH: all that was found, or the rows that they chose."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager import audit
from identity_manager.console.lists import counting, pagination
from identity_manager.console.search import selection
from identity_manager.models import AuditEvent, Certificate, Person, PersonState, Role
from identity_manager.transactions.refusals import NotPossible
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

SEARCH = reverse("console:search")
EXPORT = reverse("console:search-export")


def exported(client: Client, query: str, **sent: object) -> list[dict[str, str]]:
    response = client.post(EXPORT, {"search": query, **sent})
    assert response.status_code == 200
    text = response.getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def events() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(name=audit.Event.LIST_EXPORTED))


@pytest.fixture
def crowd(company: cast.Company) -> int:
    rows = [
        Person(
            personnel_number=f"N{number:04}",
            given_name="Nils",
            surname=f"Nygård {number:04}",
            display_name=f"Nils Nygård {number:04}",
            state=PersonState.ACTIVE,
        )
        for number in range(pagination.PAGE_SIZE * 3)
    ]
    for row in rows:
        row.search_text = row.compose_search_text()
    return len(Person.objects.bulk_create(rows))


def test_all_that_was_found_is_exported_not_a_page(ada: Client, crowd: int) -> None:
    rows = exported(ada, "kind=employee&q=nygard&sort=-name&page=2", all="1")

    assert len(rows) == crowd
    assert rows[0]["Display name"] == "Nils Nygård 0074"
    assert rows[0]["State"] == "Active"


def test_an_export_is_not_cut_where_lists_are(
    ada: Client, crowd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNT_LIMIT", 10)
    monkeypatch.setattr(selection, "LIMIT", 10)

    assert len(exported(ada, "kind=employee&q=nygard", all="1")) == crowd


def test_the_filters_hold_for_the_export_too(ada: Client, company: cast.Company) -> None:
    cast.person("ines", state=PersonState.INACTIVE)

    rows = exported(ada, "kind=employee&state=inactive", all="1")

    assert [row["Given name"] for row in rows] == ["Ines"]


def test_an_officer_of_a_unit_exports_that_unit(company: cast.Company) -> None:
    sonja = cast.person("sonja", organisational_unit="Süd")
    south = signed_in(officer("olga", Role.TOKEN_ADMINISTRATOR, unit="Süd"))

    assert [row["Given name"] for row in exported(south, "kind=employee", all="1")] == ["Sonja"]
    chosen = exported(south, "kind=employee", persons=[str(sonja.pk), str(company.uma.pk)])
    assert [row["Given name"] for row in chosen] == ["Sonja"]


def test_the_chosen_rows_are_exported_whatever_the_search_was(ada: Client, company: cast.Company) -> None:
    ids = [str(company.uma.pk), str(company.sam.pk), "nonsense"]

    rows = exported(ada, "kind=employee&q=nobody", persons=ids)

    assert [row["Given name"] for row in rows] == ["Uma", "Sam"]


def test_nothing_chosen_is_told_and_leads_back(ada: Client, company: cast.Company) -> None:
    response = ada.post(EXPORT, {"search": "kind=employee&q=uma"})

    assert response.status_code == 422
    assert "Nothing is chosen." in response.text
    assert f"{SEARCH}?kind=employee&amp;q=uma" in response.text
    assert events() == []


@pytest.mark.parametrize("query", ["", "kind=robot", "kind=employee&state=gone", "%%%"])
def test_a_search_that_makes_no_sense_exports_nothing(ada: Client, company: cast.Company, query: str) -> None:
    response = ada.post(EXPORT, {"search": query, "all": "1"})

    assert response.status_code == 422
    assert events() == []


def test_a_kind_that_is_not_ones_own_is_not_exported(company: cast.Company) -> None:
    company.request_in("requested")
    response = signed_in(company.rita).post(EXPORT, {"search": "kind=request", "all": "1"})

    assert response.status_code == 422
    assert events() == []


def test_an_export_is_recorded_with_its_size_and_without_names(ada: Client, company: cast.Company) -> None:
    exported(ada, "kind=employee&q=lindqvist&state=active", all="1")
    exported(ada, "kind=employee", persons=[str(company.sam.pk)])

    by_search, by_hand = events()
    assert by_search.actor == company.ada
    assert by_search.facts == {"what": "employee", "rows": 1, "filters": {"q": True, "state": "active"}}
    assert by_hand.facts == {"what": "employee", "rows": 1, "filters": {"selection": True}}


def test_an_export_that_cannot_be_recorded_is_none(
    ada: Client, company: cast.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("no audit log")

    monkeypatch.setattr(audit, "record", fails)
    with pytest.raises(RuntimeError):
        ada.post(EXPORT, {"search": "kind=employee", "all": "1"})


def test_opening_the_address_exports_nothing(ada: Client, company: cast.Company) -> None:
    assert ada.get(EXPORT).status_code == 405
    assert events() == []


def test_a_persons_line_says_what_they_have(ada: Client, company: cast.Company) -> None:
    company.request_in("completed")
    company.uma.department = "=HYPERLINK(1)"
    company.uma.save()

    (row,) = exported(ada, "kind=employee&q=P-uma", all="1")

    assert row["Software tokens"] == "VPN"
    assert row["First one expires"].startswith("20")
    assert row["Department"] == "'=HYPERLINK(1)"


def test_a_request_s_line(ada: Client, company: cast.Company) -> None:
    request = company.request_in("completed")

    (row,) = exported(ada, "kind=request", all="1")

    assert row["Reference"] == request.reference
    assert (row["Person"], row["Asked by"], row["State"]) == ("Uma Lindqvist", "Ada Berg", "Completed")
    assert row["Software tokens"] == "VPN"


def test_a_certificates_serial_number_stays_text_in_a_spreadsheet(ada: Client, company: cast.Company) -> None:
    company.request_in("completed")
    certificate = Certificate.objects.get()

    (row,) = exported(ada, "kind=certificate", all="1")

    assert row["Serial number"].replace(":", "").lower() == certificate.serial
    assert ":" in row["Serial number"]
    assert row["SHA-256 fingerprint"] == certificate.fingerprint_sha256


def test_the_bar_offers_all_pages_only_where_there_are_others(ada: Client, crowd: int) -> None:
    few = ada.get(SEARCH, {"kind": "employee", "q": "lindqvist"}).text
    many = ada.get(SEARCH, {"kind": "employee", "q": "nygard"}).text

    assert "Export selection" in few
    assert "Select all" not in few
    assert f"Select all {crowd} found" in many


def test_what_is_done_to_many_is_bounded(
    company: cast.Company, crowd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.http import QueryDict

    def chosen(sent: str, limit: int) -> int:
        return selection.chosen(company.ada, QueryDict(sent), limit=limit).rows.count()

    everything = "all=1&search=kind%3Demployee%26q%3Dnygard"
    assert chosen(everything, crowd) == crowd
    with pytest.raises(NotPossible) as refused:
        chosen(everything, crowd - 1)
    assert refused.value.reason is selection.TOO_MANY_CHOSEN
