"""What a filter offers is found from one value to the next, however many rows have it."""

import pytest
from django.db import connection

from identity_manager.console.lists import distinct_values
from identity_manager.models import Person
from tests.tools import cast

pytestmark = pytest.mark.django_db
STEPS = 100  # of SQLite's machine, between two looks


def made(pattern: Person, number: int) -> None:
    """So many persons, in three departments."""
    fields = [field.attname for field in Person._meta.concrete_fields]
    known = {name: getattr(pattern, name) for name in fields if name not in {"id", "sid", "upn", "email"}}
    Person.objects.bulk_create(
        Person(**known | {"personnel_number": f"K{each}", "department": f"Department {each % 3}"})
        for each in range(number)
    )


def steps() -> int:
    """How much SQLite works to find the departments."""
    looks: list[None] = []
    connection.ensure_connection()
    connection.connection.set_progress_handler(lambda: looks.append(None), STEPS)
    try:
        (found,) = distinct_values.known_values(distinct_values.Values(Person, "department"))
    finally:
        connection.connection.set_progress_handler(None, STEPS)
    assert found == ["Department 0", "Department 1", "Department 2", "Research"], found
    return len(looks) * STEPS


def test_sqlite_does_not_work_more_for_more_rows() -> None:
    pattern = cast.person("anna", sid="", roles=())
    made(pattern, 30)
    few = steps()
    Person.objects.filter(personnel_number__startswith="K").delete()
    made(pattern, 900)

    assert steps() <= few + STEPS
