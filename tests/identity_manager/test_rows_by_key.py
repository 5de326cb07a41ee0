"""What a page asks for of its rows by their keys: the same as the queryset brings, however many there are."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from identity_manager.models import Person
from identity_manager.models.rows_by_key import AT_ONCE, RowsByKey
from tests.cast import person

pytestmark = [pytest.mark.django_db, pytest.mark.database]

NAMES = RowsByKey[tuple[uuid.UUID, str]](
    lambda keys: (
        Person.objects.filter(pk__in=keys).order_by("personnel_number").values_list("pk", "display_name")
    ),
    Person._meta.pk,
)
ROWS = RowsByKey[Person](lambda keys: Person.objects.filter(pk__in=keys).only("email"), Person._meta.pk)


@pytest.mark.parametrize(("number", "queries"), [(0, 0), (1, 1), (2, 1), (AT_ONCE, 1), (AT_ONCE + 1, 2)])
def test_each_is_brought_once(number: int, queries: int) -> None:
    made = [person(f"one{place:02}", sid="") for place in range(number)]
    person("another")

    with CaptureQueriesContext(connection) as asked:
        rows = NAMES.rows([each.pk for each in made])

    assert rows == [(each.pk, each.display_name) for each in made]
    assert len(asked) == queries


def test_a_key_of_nobody_brings_nothing() -> None:
    known = person("known")

    assert [each.pk for each in ROWS.rows([uuid.uuid4(), known.pk])] == [known.pk]
    assert ROWS.rows([uuid.uuid4()]) == []


def test_rows_have_what_was_asked_for_and_know_their_states() -> None:
    known = person("known")
    (row,) = ROWS.rows([known.pk])

    assert "display_name" in row.get_deferred_fields()
    assert (row.email, row.state, row.display_name) == (known.email, known.state, known.display_name)
