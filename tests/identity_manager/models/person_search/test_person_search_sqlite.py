"""Words and filters are looked up together: the signs of the filters in SQLite's index of the search."""

import pytest
from django.db import connection

from identity_manager.models import Person, PersonState
from identity_manager.models.person_search import sqlite_fts
from tests.tools.cast import person

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def found(text: str, **equal: str) -> set[str]:
    return {row.personnel_number for row in Person.objects.matching(text, **equal)}


def test_words_and_filters_find_who_has_both() -> None:
    person("a", personnel_number="1", surname="Berg", department="Legal", organisational_unit="Nordic Sales")
    person("b", personnel_number="2", surname="Berg", department="Research", organisational_unit="")
    person("c", personnel_number="3", surname="Vogt", department="Legal", state=PersonState.INACTIVE)

    assert found("berg", department="Legal") == {"1"}
    assert found("berg", organisational_unit="Nordic Sales", state="active") == {"1"}
    assert found("be", department="Research") == {"2"}
    assert found("berg", state="inactive") == found("vogt", state="active") == set()
    assert found("vogt", state="inactive") == {"3"}
    assert found("berg", department="legal") == found("berg", department="Lega") == set()
    assert found("", department="Legal") == {"1", "3"}
    assert found("€", department="Legal", state="active") == set()


def test_filters_follow_changes() -> None:
    row = person("a", personnel_number="1", surname="Berg", department="Legal")
    row.department, row.organisational_unit = "", "営業"
    row.save()
    assert found("berg", department="Legal") == set()
    assert found("berg", organisational_unit="営業") == {"1"}
    row.deactivate()
    row.save()
    assert found("berg", state="active") == set()
    assert found("berg", state="inactive") == {"1"}


def test_values_with_the_same_signs_are_told_apart() -> None:
    """The signs are few; what the columns say decides."""
    signs = sqlite_fts.signs_of
    assert signs("department", "abba") == signs("department", "axba")
    person("a", personnel_number="1", surname="Berg", department="abba")
    person("b", personnel_number="2", surname="Berg", department="axba")
    assert found("berg", department="abba") == {"1"}


@pytest.mark.parametrize("signs", ["\x03", "\x03sac", sqlite_fts.signs_of("department", "Research")])
def test_nobody_is_found_by_the_signs_themselves(signs: str) -> None:
    person("a")
    assert found(signs) == found(f"anna{signs}") == set()


@pytest.mark.usefixtures("sqlite_only")
@pytest.mark.parametrize(
    "value", ["x", "ab", "Legal & Compliance", "法務部", "😀", "a😀b", "Ж" * 200, "'", "é"]
)
def test_the_database_writes_the_signs_that_are_asked_for(value: str) -> None:
    row = person("a", department=value, organisational_unit=value)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT search_text FROM identity_manager_person_search WHERE person_id = %s", [row.pk.hex]
        )
        (text,) = cursor.fetchone()
    expected = [
        sqlite_fts.signs_of(*each)
        for each in (("state", "active"), ("department", value), ("organisational_unit", value))
    ]
    assert text.endswith("".join(expected))


@pytest.mark.usefixtures("sqlite_only")
def test_the_index_is_asked_for_both() -> None:
    condition = dict(
        sqlite_fts.condition(
            [("berg",), ("山田",), ("oster", "oester")], {"department": "Legal", "kind": "employee"}
        ).children
    )
    signs = sqlite_fts.signs_of("department", "Legal")
    assert condition["search_row__part__search_text__matches"] == (
        f'"berg" AND "\x02\x02山" AND "\x02\x02田" AND ("oster" OR "oester") AND "{signs}"'
    )


@pytest.mark.usefixtures("sqlite_only")
@pytest.mark.parametrize(
    ("text", "expected"), [("-山", {"1", "2"}), ("'山'", {"1", "2"}), ("山b", {"1"}), ("a山", {"1"})]
)
def test_signs_beside_a_character_are_ignored_and_letters_are_not(text: str, expected: set[str]) -> None:
    person("a", personnel_number="1", surname="X-山-y", given_name="O'山b", display_name="a山")
    person("b", personnel_number="2", surname="山 x", given_name="b", display_name="B a")
    assert found(text) == expected
