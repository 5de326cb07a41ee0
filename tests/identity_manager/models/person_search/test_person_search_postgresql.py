"""On PostgreSQL words are looked up among an eighth of the persons first; nobody is found twice or missed."""

import re
import uuid

import pytest
from django.db import connection

from identity_manager.console.lists import counting
from identity_manager.models import Person, Role
from identity_manager.models.people.person import PersonQuerySet
from identity_manager.models.person_search import postgresql
from tests.tools import cast
from tests.tools.cast import person
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database]

ENDS = (0x00, 0x1F, 0x20, 0x80, 0xFF)


@pytest.fixture
def ends() -> dict[int, Person]:
    """Persons by the last byte of their keys."""
    made = {}
    for last in ENDS:
        key = uuid.UUID(int=(0x0199_0000_0000_7000_8000_0000_0000_0000 | last))
        names = {"given_name": "Zoe", "surname": f"Zuban{last:03}", "display_name": f"Zoe Zuban{last:03}"}
        made[last] = person(f"ends-{last}", id=key, sid="", **names)
    return made


def found(rows: PersonQuerySet) -> set[uuid.UUID]:
    return set(rows.values_list("pk", flat=True))


def test_the_parts_hold_everybody_once(ends: dict[int, Person]) -> None:
    parts = [found(rows) for rows in postgresql.first_and_others(Person.objects.matching("zuban"))]

    assert sorted(pk for part in parts for pk in part) == sorted(each.pk for each in ends.values())


@pytest.mark.usefixtures("postgresql_only")
def test_the_first_part_are_those_whose_key_ends_low(ends: dict[int, Person]) -> None:
    first, others = postgresql.first_and_others(Person.objects.matching("zuban"))

    assert found(first) == {ends[0x00].pk, ends[0x1F].pk}
    assert found(others) == {ends[0x20].pk, ends[0x80].pk, ends[0xFF].pk}


@pytest.mark.usefixtures("postgresql_only")
def test_the_first_part_has_an_index_of_its_own() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    first, others = postgresql.first_and_others(Person.objects.matching("uller"))

    assert postgresql.FIRST in first.explain()
    assert postgresql.FIRST not in others.explain()


@pytest.mark.usefixtures("postgresql_only")
def test_words_and_filters_are_looked_up_together() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("DROP INDEX person_unit, person_department")  # few rows are in no need of another
    equal = {"state": "active", "department": "Sales", "organisational_unit": "Nordic"}
    for part in postgresql.first_and_others(Person.objects.matching("uller", **equal)):
        looked_up = part.explain().partition("Index Cond: ")[2]

        assert all(f"{word}'" in looked_up for word in ("uller%", *equal.values()))


@pytest.mark.usefixtures("postgresql_only")
def test_the_database_knows_how_many_the_first_part_are() -> None:
    names = {"given_name": "Zoe", "surname": "Zuban", "display_name": "Zoe Zuban"}
    Person.objects.bulk_create(
        Person(id=uuid.UUID(int=number), personnel_number=f"N-{number}", **names) for number in range(1, 1025)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE identity_manager_person")
    first, _others = postgresql.first_and_others(Person.objects.all())

    thought = re.search(r"rows=(\d+)", first.explain())
    assert thought
    assert int(thought[1]) == pytest.approx(1024 / 8, rel=0.2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("postgresql_only")
def test_made_beside_the_writers_they_are_the_same() -> None:
    def indexes() -> dict[str, str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT indexname, indexdef FROM pg_indexes")
            return {name: sql for name, sql in cursor.fetchall() if "USING gin (search_text" in sql}

    before = indexes()
    postgresql.install_online(connection)

    assert set(before) == {postgresql.ALL, postgresql.FIRST}
    assert indexes() == before


@pytest.mark.usefixtures("sqlite_only")
def test_sqlite_looks_among_all_at_once() -> None:
    assert len(postgresql.first_and_others(Person.objects.all())) == 1


@pytest.mark.parametrize(("limit", "expected"), [(1000, 5), (5, 5), (3, 3), (1, 1)])
def test_all_parts_are_one_list_in_order(
    ends: dict[int, Person], monkeypatch: pytest.MonkeyPatch, limit: int, expected: int
) -> None:
    monkeypatch.setattr(counting, "COUNT_LIMIT", limit)
    ada = signed_in(cast.person("ada-first", sid="", roles=(Role.TOKEN_ADMINISTRATOR,)))

    response = ada.get("/search/", {"kind": "employee", "q": "zuban", "sort": "-name"})
    shown = [row.person.surname for row in response.context["rows"]]

    assert len(shown) == response.context["paginator"].count == expected
    assert response.context["paginator"].has_more == (limit < len(ENDS))
    assert shown == sorted(shown, reverse=True)
