"""Lists of persons stand in the order of one language, on both databases."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import Settings

from identity_manager.models import Person
from identity_manager.models.person_search import refresh
from identity_manager.models.person_search.name_order import key_for_reader
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database]
# Swedish, Danish and German order; of the same names.
SURNAMES = ("Zorn", "Åberg", "Ärlig", "Öberg", "Adler", "Ørsted", "Oberlin", "Müller", "Mz")
SWEDISH = ["Adler", "Müller", "Mz", "Oberlin", "Zorn", "Åberg", "Ärlig", "Öberg", "Ørsted"]
DANISH = ["Adler", "Müller", "Mz", "Oberlin", "Zorn", "Ärlig", "Öberg", "Ørsted", "Åberg"]
GERMAN = ["Åberg", "Adler", "Ärlig", "Müller", "Mz", "Öberg", "Oberlin", "Ørsted", "Zorn"]
ORDERS = {"sv": SWEDISH, "nb": DANISH, "de": GERMAN, "en": GERMAN, "fr": GERMAN}


def everybody() -> None:
    for number, surname in enumerate(SURNAMES):
        cast.person(f"p{number}", given_name="Eva", surname=surname, display_name=f"Eva {surname}", sid="")


def in_order() -> list[str]:
    return list(Person.objects.order_by("search_text__by_name").values_list("surname", flat=True))


@pytest.mark.parametrize("language", ORDERS)
def test_letters_stand_where_the_language_has_them(language: str, settings: Settings) -> None:
    settings.SORT_LANGUAGE = language
    everybody()

    assert in_order() == ORDERS[language]


def test_after_another_language_was_chosen_a_job_writes_the_order_anew(settings: Settings) -> None:
    everybody()
    settings.SORT_LANGUAGE = "sv"

    assert refresh.refresh_all(Person.objects.all()) > 0
    assert in_order() == SWEDISH
    assert refresh.refresh_all(Person.objects.all()) == 0


@pytest.mark.parametrize("text", ["Åberg", "åberg, eva", "Eva Åberg", "aberg eva", "aaberg"])
def test_who_is_called_so_is_the_nearest_in_every_order(text: str, settings: Settings) -> None:
    settings.SORT_LANGUAGE = "sv"
    everybody()
    cast.person("other", given_name="Eva", surname="Nord", department="Åberg aaberg", sid="")

    parts = [list(part.with_order(text)) for part in Person.objects.all().matching_in_parts(text)]

    rows = [row for part in parts for row in part]
    assert len(rows) == 2
    assert min(rows, key=lambda row: row.relevance).surname == "Åberg"
    if "å" in text.casefold():
        assert next(part for part in parts if part)[0].surname == "Åberg"


def test_search_and_requests_are_sorted_by_it(settings: Settings) -> None:
    settings.SORT_LANGUAGE = "sv"
    company = cast.Company()
    for number, surname in enumerate(("Ågren", "Zorn", "Agnell")):
        names = {"surname": surname, "display_name": f"Eva {surname}"}
        person = cast.person(f"p{number}", given_name="Eva", **names, sid="")
        cast.enabled(company.ada, person, company.vpn)
    browser = signed_in(company.ada)

    for page, query in (("search", {"kind": "employee", "sort": "name"}), ("requests", {"sort": "person"})):
        text = _table(browser, page, query)
        assert text.index("Agnell") < text.index("Zorn") < text.index("Ågren"), page


def _table(browser: Client, page: str, query: dict[str, str]) -> str:
    text = browser.get(reverse(f"console:{page}"), query).text
    return text[text.index("<tbody>") :]


def test_words_of_a_page_stand_in_the_order_of_its_reader() -> None:
    words = ["Zebra", "Ändern", "Bahn"]
    with translation.override("de"):
        assert sorted(words, key=key_for_reader) == ["Ändern", "Bahn", "Zebra"]
    with translation.override("sv"):
        assert sorted(words, key=key_for_reader) == ["Bahn", "Zebra", "Ändern"]
