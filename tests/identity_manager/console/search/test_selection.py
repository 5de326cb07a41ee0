"""Rows that are selected stay so from page to page, and are rechecked where something is done to them."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.console.lists import counting
from identity_manager.console.search import selected, selection
from identity_manager.models import Account, Person, Role
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db
SEARCH, REQUESTS = reverse("console:search"), reverse("console:requests")
EXPORT = reverse("console:search-export")


@pytest.fixture
def crowd() -> list[str]:
    """Keys of more people than two pages of 25 have, in the order of the list."""
    rows = [
        Person(
            personnel_number=f"N-{number:03}",
            given_name="Nils",
            surname=f"Nygård {number:03}",
            display_name=f"Nils Nygård {number:03}",
        )
        for number in range(60)
    ]
    for row in rows:
        row.search_text = row.compose_search_text()
    return [str(row.pk) for row in Person.objects.bulk_create(rows)]


def address(page: int | None = None, **asked: str) -> str:
    more = {"kind": "employee", "q": "nygard", "sort": "name", **asked, **({"page": page} if page else {})}
    return f"{SEARCH}?{'&'.join(f'{name}={value}' for name, value in more.items())}"


def ticked(response: Any) -> set[str]:
    return {row.key for row in response.context["table"].rows if row.is_selected}


def carried(response: Any) -> dict[str, Any]:
    """What the form of the page sends, as a browser finds it."""
    form = response.text.partition(f'action="{EXPORT}"')[2].rpartition("</form>")[0]
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
    sent: dict[str, Any] = {"search": dict(hidden)["search"].replace("&amp;", "&")}
    sent["persons"] = [value for name, value in hidden if name == "persons"] + list(ticked(response))
    if re.search(r'name="all"[^>]*checked', form):
        sent["all"] = "1"
    return sent


def test_rows_stay_selected_from_page_to_page(ada: Client, crowd: list[str]) -> None:
    second = ada.post(address(2), {"persons": crowd[:2]})
    assert "<strong data-selection-count>2</strong>" in second.text
    assert ticked(second) == set()

    third = ada.post(address(3), carried(second) | {"persons": [*carried(second)["persons"], crowd[30]]})
    assert "<strong data-selection-count>3</strong>" in third.text

    first = ada.post(address(1), carried(third))
    assert ticked(first) == set(crowd[:2])
    export = ada.post(EXPORT, carried(first))
    text = b"".join(export.streaming_content).decode("utf-8-sig")
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["N-000", "N-001", "N-030"]


def test_a_row_that_is_unticked_is_selected_no_more(ada: Client, crowd: list[str]) -> None:
    second = ada.post(address(2), {"persons": crowd[:2]})
    first = ada.post(address(1), carried(second))
    again = ada.post(address(2), carried(first) | {"persons": ["", crowd[1]]})

    assert carried(again)["persons"] == [crowd[1]]


def test_without_a_selection_the_page_has_an_address(ada: Client, crowd: list[str]) -> None:
    response = ada.post(address(2), {"persons": [""]})

    assert response.status_code == 302
    assert response.url == address(2)


def test_the_selection_is_cleared(ada: Client, crowd: list[str]) -> None:
    assert ada.post(address(2), {"persons": crowd[:3], "clear": "1"}).url == address(2)


def test_sorting_keeps_the_selection(ada: Client, crowd: list[str]) -> None:
    response = ada.post(address(sort="-name"), {"persons": [crowd[59], crowd[0]]})

    assert ticked(response) == {crowd[59]}
    assert carried(response)["persons"] == [crowd[0], crowd[59]]


def test_all_that_were_found_stay_selected(ada: Client, crowd: list[str]) -> None:
    first = ada.get(address()).text
    assert "Select all 60 found" in first
    second = ada.post(address(2), {"all": "1", "persons": crowd[:25]})

    assert "<strong data-selection-count>60</strong>" in second.text
    assert ticked(second) == set(crowd[25:50])
    export = ada.post(EXPORT, carried(second))
    assert len(b"".join(export.streaming_content).splitlines()) == 1 + len(crowd)


def test_of_more_than_is_counted_it_says_so(
    ada: Client, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export and a batch order take all of them, not those that were counted."""
    monkeypatch.setattr(counting, "COUNT_LIMIT", 50)
    second = ada.post(address(2), {"all": "1", "persons": crowd[:25]})

    assert "<strong data-selection-count>50+</strong>" in second.text
    assert 'data-found="50+"' in second.text
    export = ada.post(EXPORT, carried(second))
    assert len(b"".join(export.streaming_content).splitlines()) == 1 + len(crowd)


def test_nothing_that_is_posted_is_more_than_a_key(ada: Client, crowd: list[str]) -> None:
    response = ada.post(address(2), {"persons": ['"><script>', f"{crowd[0]},nonsense", crowd[0]]})

    assert carried(response)["persons"] == [crowd[0]]
    assert "<script>&" not in response.text
    assert "nonsense" not in response.text


def test_a_selection_has_an_end(ada: Client, crowd: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selected, "LIMIT", 10)
    monkeypatch.setattr(selection, "LIMIT", 10)
    response = ada.post(address(2), {"persons": crowd[:11]})

    assert "More than" in response.text
    assert carried(response)["persons"][0].split(",") == crowd[:10]
    assert ada.post(EXPORT, {"search": "kind=employee", "persons": crowd[:11]}).status_code == 422


@pytest.mark.parametrize("action", ["console:batch-order-choose", "console:sign-in-letters-choose"])
def test_rows_that_are_gone_are_left_out_and_that_is_said(crowd: list[str], action: str) -> None:
    both = (Role.TOKEN_ADMINISTRATOR, Role.REGISTRATION_OFFICER)
    olga = signed_in(cast.person("olga", roles=both, sid=""))
    keys = [*crowd[:2], str(uuid.uuid4())]

    response = olga.post(reverse(action), {"search": "kind=employee", "persons": ",".join(keys)}, follow=True)

    assert "1 of the selected rows is left out" in response.text


def test_rows_of_another_unit_are_not_done_anything_to(crowd: list[str], company: cast.Company) -> None:
    sonja = cast.person("sonja", organisational_unit="Süd", sid="")
    south = signed_in(officer("olga", Role.TOKEN_ADMINISTRATOR, unit="Süd"))
    keys = f"{sonja.pk},{company.uma.pk}"

    response = south.post(EXPORT, {"search": "kind=employee", "persons": keys})
    assert b"Uma" not in b"".join(response.streaming_content)
    assert "1 of the selected rows is left out" in south.get(SEARCH).text


def test_an_order_is_about_what_its_page_said(ada: Client, crowd: list[str], company: cast.Company) -> None:
    """The page of the order carries its rows along: another tab's selection is none of its own."""
    page = ada.post(
        reverse("console:batch-order-choose"), {"search": "kind=employee", "persons": ",".join(crowd[:3])}
    )
    ada.post(address(2), {"persons": crowd[5:9]})

    assert f'name="persons" value="{",".join(crowd[:3])}"' in page.text


@pytest.mark.parametrize("size", [25, 50, 100])
def test_a_page_has_as_many_rows_as_the_officer_wants_on_every_machine(
    ada: Client, company: cast.Company, crowd: list[str], size: int
) -> None:
    response = ada.post(address(), {"page_size": str(size), "persons": [""]}, follow=True)
    elsewhere = signed_in(Person.objects.get(pk=company.ada.pk)).get(address())

    assert len(response.context["rows"]) == len(elsewhere.context["rows"]) == min(size, len(crowd))
    assert f'aria-current="true">{size}</span>' in elsewhere.text


def test_the_rows_stay_selected_where_there_are_more_on_the_page(ada: Client, crowd: list[str]) -> None:
    response = ada.post(address(), {"page_size": "50", "persons": [crowd[0], crowd[30]]})

    assert ticked(response) == {crowd[0], crowd[30]}
    assert len(response.context["rows"]) == 50


@pytest.mark.parametrize("size", ["0", "-1", "1000000", "x", "²", "25; DROP"])
def test_other_numbers_of_rows_change_nothing(ada: Client, crowd: list[str], size: str) -> None:
    ada.post(address(), {"page_size": size})

    assert set(Account.objects.values_list("page_size", flat=True)) == {25}


def test_requests_stay_selected_on_their_own_tab(ada: Client, company: cast.Company) -> None:
    request = company.request_in("requested")
    response = ada.post(f"{REQUESTS}?page=1", {"requests": str(request.pk)})

    assert ticked(response) == {str(request.pk)}
    assert "<strong data-selection-count>1</strong>" in response.text
