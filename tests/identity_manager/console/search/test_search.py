"""SEARCH: who is found, in which order, how many, and what stands beside each."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.lists import counting, pagination, remembered_counts
from identity_manager.models import Person, PersonKind, PersonState, Role, RoleAssignment, SignInCode
from identity_manager.models.person_search import suggestions
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

SEARCH = reverse("console:search")


def names(response: Any) -> list[str]:
    return [row.person.display_name for row in response.context["rows"]]


def test_before_anything_was_asked_for_nobody_is_listed(ada: Client) -> None:
    response = ada.get(SEARCH)

    assert response.status_code == 200
    assert "searched" not in response.context
    assert "one or two letters match beginnings of words" in response.text


def test_without_words_everybody_of_the_kind_is_listed(ada: Client) -> None:
    cast.person("xenia", kind=PersonKind.EXTERNAL)

    employees = ada.get(SEARCH, {"kind": "employee", "q": ""})
    externals = ada.get(SEARCH, {"kind": "external"})

    assert len(names(employees)) == 6
    assert "6 of 6 employees" in employees.text
    assert names(externals) == ["Xenia Muster"]
    assert "1 of 1 external person" in externals.text


def test_words_alone_look_for_employees(ada: Client) -> None:
    assert names(ada.get(SEARCH, {"q": "uma lindqvist"})) == ["Uma Lindqvist"]


def test_words_find_without_accents_and_case(ada: Client) -> None:
    cast.person("jose", display_name="José Łukasz", given_name="José", surname="Łukasz")

    assert names(ada.get(SEARCH, {"kind": "employee", "q": "LUKASZ jose"})) == ["José Łukasz"]


def test_the_count_says_how_many_of_how_many(ada: Client) -> None:
    assert "1 of 6 employees" in ada.get(SEARCH, {"kind": "employee", "q": "lindqvist"}).text


def test_a_state_narrows_the_list(ada: Client, company: cast.Company) -> None:
    cast.person("ines", state=PersonState.INACTIVE)

    response = ada.get(SEARCH, {"kind": "employee", "state": "inactive"})

    assert names(response) == ["Ines Muster"]
    assert "Inactive" in response.text


def test_nobody_found_is_said_with_what_to_do(ada: Client) -> None:
    assert "Nobody found" in ada.get(SEARCH, {"kind": "employee", "q": "nosuchname"}).text


def test_nobody_found_by_two_letters_says_how_two_letters_are_matched(ada: Client) -> None:
    assert "Type more of the name" in ada.get(SEARCH, {"kind": "employee", "q": "qq"}).text


@pytest.mark.parametrize(
    ("sort", "first"),
    [("name", "Ada Berg"), ("-name", "Paul Weber"), ("email", "Ada Berg"), ("-email", "Uma Lindqvist")],
)
def test_columns_sort_both_ways(ada: Client, sort: str, first: str) -> None:
    assert names(ada.get(SEARCH, {"kind": "employee", "sort": sort}))[0] == first


@pytest.mark.parametrize(
    "bad", [{"sort": "password"}, {"page": "999"}, {"page": "no"}, {"q": "%' OR 1=1 --"}, {"q": "\x00"}]
)
def test_a_bookmark_with_nonsense_still_opens(ada: Client, bad: dict[str, str]) -> None:
    assert ada.get(SEARCH, {"kind": "employee", **bad}).status_code == 200


def test_a_name_one_typo_away_is_offered(ada: Client, company: cast.Company) -> None:
    """With the filters that were set, and never a name that this search would not find."""
    suggestions.learn(Person.objects.all(), list(Person.objects.values_list("pk", flat=True)))
    uma = company.uma
    typo = uma.surname[:-1] + uma.surname[-1] * 2
    answer = ada.get(SEARCH, {"kind": "employee", "q": typo, "department": uma.department})
    assert "Did you mean" in answer.content.decode()
    assert answer.context["meant"].casefold() == uma.surname.casefold()
    found = ada.get(SEARCH + answer.context["meant_url"])
    assert uma.display_name in names(found)
    assert found.context["search"].wanted["department"] == uma.department
    elsewhere = ada.get(SEARCH, {"kind": "employee", "q": typo, "department": "Nobody's"})
    assert elsewhere.context["meant"] == ""
    assert "Did you mean" not in elsewhere.content.decode()


def test_a_kind_that_nobody_knows_searches_nothing(ada: Client) -> None:
    response = ada.get(SEARCH, {"kind": "robot"})

    assert response.status_code == 200
    assert "searched" not in response.context


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"state": "gone"}, "There is no such choice."),
        ({"token_type": "nosuch"}, "There is no such choice."),
        ({"expires_before": "2026-02-31"}, "This is no day."),
        ({"expires_before": "tomorrow"}, "This is no day."),
        ({"expires_before": "0001-01-01"}, "between the years 1990 and 2199"),
        ({"expires_before": "9999-12-31"}, "between the years 1990 and 2199"),
        ({"q": "x" * 201}, "At most 200 characters"),
    ],
)
def test_what_makes_no_sense_is_told_at_its_field(ada: Client, bad: dict[str, str], sentence: str) -> None:
    response = ada.get(SEARCH, {"kind": "employee", **bad})

    assert response.status_code == 422
    assert "searched" not in response.context
    assert sentence in response.text


def test_an_active_person_can_be_enabled_and_others_say_why_not(ada: Client, company: cast.Company) -> None:
    cast.person("ines", state=PersonState.INACTIVE)
    cast.person("emil", email="")

    text = ada.get(SEARCH, {"kind": "employee"}).text

    assert reverse("console:enable", args=[company.uma.pk]) in text
    assert "This person is Inactive. Activate the person first." in text
    assert "This person has no e-mail address, so nothing can be delivered." in text
    for name in ("Ines", "Emil"):
        person = Person.objects.get(given_name=name)
        assert reverse("console:enable", args=[person.pk]) not in text


def test_who_made_a_sign_in_code_does_not_enable_its_person(company: cast.Company) -> None:
    both = officer("otto", Role.TOKEN_ADMINISTRATOR, sid="")
    RoleAssignment.objects.create(person=both, role=Role.REGISTRATION_OFFICER)
    now = timezone.now()
    SignInCode.objects.create(
        person=company.uma, asked_by=both, needs_confirmation=False, made_at=now, used_at=now
    )

    text = signed_in(both).get(SEARCH, {"kind": "employee"}).text

    assert reverse("console:enable", args=[company.uma.pk]) not in text
    assert reverse("console:enable", args=[company.sam.pk]) in text
    assert "You made a sign-in code for this person." in text


def test_who_is_no_administrator_is_offered_nothing_to_enable(company: cast.Company) -> None:
    text = signed_in(company.rita).get(SEARCH, {"kind": "employee"}).text

    assert "Uma Lindqvist" in text
    assert "/enable/" not in text


def test_tokens_in_use_are_shown_by_type(ada: Client, company: cast.Company) -> None:
    company.request_in("issued")

    rows = {row.person: row.token_types for row in ada.get(SEARCH, {"kind": "employee"}).context["rows"]}

    assert rows[company.uma] == ["VPN"]
    assert rows[company.sam] == []


def test_a_role_limited_to_a_unit_searches_that_unit_only(company: cast.Company) -> None:
    cast.person("sonja", organisational_unit="Süd")

    response = signed_in(officer("olga", Role.TOKEN_ADMINISTRATOR, unit="Süd")).get(
        SEARCH, {"kind": "employee"}
    )

    assert names(response) == ["Sonja Muster"]
    assert "1 of 1 employee\n" in response.text


@pytest.fixture
def crowd(company: cast.Company) -> None:
    Person.objects.bulk_create(
        Person(
            personnel_number=f"N{number:04}",
            given_name="Nils",
            surname=f"Nygård {number:04}",
            display_name=f"Nils Nygård {number:04}",
            state=PersonState.ACTIVE,
        )
        for number in range(pagination.PAGE_SIZE * 2)
    )


def test_pages_hold_everybody_once(ada: Client, crowd: None) -> None:
    seen: list[str] = []
    for page in (1, 2, 3):
        seen += names(ada.get(SEARCH, {"kind": "employee", "sort": "department", "page": page}))

    assert len(seen) == len(set(seen)) == 56


def test_the_next_page_keeps_what_was_searched_for(ada: Client, crowd: None) -> None:
    text = ada.get(SEARCH, {"kind": "employee", "state": "active", "sort": "-name"}).text

    assert "kind=employee&amp;state=active&amp;sort=-name&amp;page=2" in text


def test_a_long_count_stops_and_says_so(ada: Client, crowd: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "COUNT_LIMIT", 30)

    response = ada.get(SEARCH, {"kind": "employee", "page": 2})

    assert "More than 30 of 56 employees; these are the first 30" in response.text
    assert len(names(response)) == 5


def test_a_result_beyond_the_limit_comes_unsorted_and_says_so(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNT_LIMIT", 5)

    with CaptureQueriesContext(connection) as asked:
        response = ada.get(SEARCH, {"kind": "employee", "q": "example", "sort": "-name"})

    assert "narrow your search" in response.text
    assert 'aria-sort="' not in response.text
    assert len([query for query in asked if "found AS" in query["sql"]]) == 1
    assert len(names(response)) == 5


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("text", ["Nils Nygård", "nygard, nils", "Z-0042"])
def test_an_exact_name_or_number_comes_first_however_many_are_found(
    ada: Client, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(counting, "COUNT_LIMIT", 5)
    for number in range(20):
        cast.person(f"aa{number}", surname="Aa", given_name="Nils", department="Nygård Z-00424", sid="")
    named = {"surname": "Nygård", "given_name": "Nils", "display_name": "N. N."}
    cast.person("nils", personnel_number="Z-0042", sid="", **named)

    response = ada.get(SEARCH, {"kind": "employee", "q": text})

    assert response.context["paginator"].has_more
    assert response.context["rows"][0].person.personnel_number == "Z-0042"
    assert len(names(response)) == 5


@pytest.mark.parametrize(("limit", "pages"), [(1000, (1, 2, 3)), (55, (1, 2, 3))])
def test_words_are_looked_up_once_for_the_count_and_the_page(
    ada: Client,
    crowd: None,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: Callable[..., Any],
    limit: int,
    pages: tuple[int, ...],
) -> None:
    """Sorted or as found, every row stands on one page."""
    monkeypatch.setattr(counting, "COUNT_LIMIT", limit)
    Person.objects.filter(surname__startswith="Nyg").update(search_text="nygard nils\n\nexample")
    shown: list[str] = []
    ada.get(SEARCH)
    for page in pages:
        with django_assert_max_num_queries(12) as asked:
            response = ada.get(SEARCH, {"kind": "employee", "q": "example", "page": page})
        shown += names(response)
        assert len([query for query in asked if "found AS" in query["sql"]]) == 1
    assert len(set(shown)) == len(shown) == response.context["paginator"].count > 50


@pytest.mark.parametrize(
    ("page", "shown"),
    [("2", 2), ("3", 3), ("4", 3), ("9" * 30, 3), ("9" * 5000, 1), ("0", 3), ("-1", 3), ("x", 1)],
)
def test_a_page_that_is_not_there_is_the_nearest_one(ada: Client, crowd: None, page: str, shown: int) -> None:
    Person.objects.filter(surname__startswith="Nyg").update(search_text="nygard nils\n\nexample")
    asked = {"kind": "employee", "q": "example"}
    pages = [names(ada.get(SEARCH, {**asked, "page": number})) for number in (1, 2, 3)]

    response = ada.get(SEARCH, {**asked, "page": page})

    assert response.context["page"].number == shown
    assert names(response) == pages[shown - 1]
    assert names(ada.get(SEARCH, {**asked, "q": "nobodyatall", "page": page})) == []


@pytest.mark.parametrize("asked", [{"q": "lindqvist"}, {"sort": "-name"}])
def test_a_narrow_result_and_a_list_without_words_are_sorted(
    ada: Client, crowd: None, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
) -> None:
    monkeypatch.setattr(counting, "COUNT_LIMIT", 30)

    response = ada.get(SEARCH, {"kind": "employee", **asked})

    assert "narrow your search" not in response.text
    assert 'aria-sort="' in response.text or "q" in asked


@pytest.fixture
def very_many(crowd: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are counted; what earlier tests have found out is not known."""
    monkeypatch.setattr(counting, "TOTAL_LIMIT", 40)
    caches[remembered_counts.CACHE].clear()


def test_a_very_large_total_is_not_counted_to_its_end(ada: Client, very_many: None) -> None:
    assert "1 of more than 40 employees" in ada.get(SEARCH, {"kind": "employee", "q": "lindqvist"}).text


def test_a_very_large_total_is_not_counted_again_for_a_while(
    ada: Client, very_many: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counted() -> bool:
        with CaptureQueriesContext(connection) as asked:
            answer = ada.get(SEARCH, {"kind": "employee", "q": "lindqvist"})
        assert "1 of more than 40 employees" in answer.text
        return any("LIMIT 41" in query["sql"] for query in asked)

    assert [counted(), counted()] == [True, False]

    Person.objects.exclude(surname="Lindqvist").update(kind=PersonKind.EXTERNAL)
    caches[remembered_counts.CACHE].clear()  # a while later
    assert "1 of 1 employee\n" in ada.get(SEARCH, {"kind": "employee", "q": "lindqvist"}).text


def test_a_page_asks_the_database_the_same_number_of_times_however_many_it_lists(
    ada: Client, company: cast.Company, crowd: None, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    """With a person without e-mail on each: their waiting changes are asked for, too."""
    Person.objects.filter(pk=company.uma.pk).update(state=PersonState.INACTIVE, email="")
    ada.get(SEARCH)

    for one, many_of_them in (
        ({"q": "lindqvist"}, {"q": "example"}),
        ({"state": "inactive"}, {"state": "active"}),
    ):
        caches[remembered_counts.CACHE].clear()
        with django_assert_max_num_queries(12) as few:
            assert len(names(ada.get(SEARCH, {"kind": "employee", **one}))) == 1
        caches[remembered_counts.CACHE].clear()  # nothing is read less for being remembered
        with django_assert_max_num_queries(12) as many:
            assert len(names(ada.get(SEARCH, {"kind": "employee", **many_of_them}))) > 1
        assert len(many) <= len(few)
