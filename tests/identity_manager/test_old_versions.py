"""Old code on the newest schema: while a new version is rolled out, the old one still reads and writes.

The models of a version before a migration are Django's historic ones. They read every row that the whole road
leaves, write it again, and insert it anew; and no table has a column that they would have to fill. The oldest
version and the last ones do so with all their tables; those between, nightly, with the tables that the
migration after them changes: the next version knows the others as they do.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.migrations.state import ModelState, ProjectState

from tests.architecture.migrations import BASELINE, is_newer, plan
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long]
ROWS = 3
NEWER = [f"{each.app_label}.{each.name}" for each in plan() if is_newer(each)]
VERSIONS = (NEWER[0], *NEWER[-3:])
BETWEEN = NEWER[1:-3]


@cache
def states() -> dict[str, ProjectState]:
    """By migration: what the version knew that came before it, and before all later ones."""
    state, found = ProjectState(), {}
    for migration in plan():
        if is_newer(migration):
            found[f"{migration.app_label}.{migration.name}"] = state.clone()
        migration.mutate_state(state, preserve=False)
    return found | {"": state}


def before(name: str) -> ProjectState:
    if name in states():
        return states()[name]
    state = ProjectState()  # of the time before the baseline
    for migration in plan():
        if f"{migration.app_label}.{migration.name}" == name:
            return state
        migration.mutate_state(state, preserve=False)
    raise LookupError(name)


def tables(state: ProjectState) -> Iterator[type[models.Model]]:
    """The models of ours that have a table."""
    for model in state.apps.get_models(include_auto_created=True):
        if model._meta.app_label in BASELINE and model._meta.managed and not model._meta.proxy:
            yield model


def changed_by(name: str) -> set[tuple[str, str]]:
    """The models (label and name) whose fields are others, or that are gone, after that migration."""
    names = [*NEWER, ""]
    known, later = before(name).models, before(names[names.index(name) + 1]).models
    return {key for key, model in known.items() if key not in later or _fields(model) != _fields(later[key])}


def _fields(model: ModelState) -> dict[str, Any]:
    """As Django writes them down in a migration."""
    return {name: field.deconstruct()[1:] for name, field in model.fields.items()}


def columns_to_be_filled(model: type[models.Model]) -> Iterator[str]:
    """What the old version does not know and the database demands; and what it knows and is gone."""
    table, known = model._meta.db_table, {field.column for field in model._meta.local_concrete_fields}
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, table)
    for column in columns:
        if column.name not in known and not column.null_ok and column.default is None:
            yield f"{table}.{column.name}"
    yield from (f"{table}.{name} is gone" for name in known - {column.name for column in columns})


def written_again(model: type[models.Model]) -> int:
    """Read some rows, write them, take one out and insert it as it was; return how many there were."""
    rows: list[Any] = list(model._base_manager.all()[:ROWS])
    for row in rows:
        with transaction.atomic():
            row.save(force_update=True)
            _insert_anew(row)
    return len(rows)


def _insert_anew(row: Any) -> None:
    """References to it are looked at when the transaction ends, and it is there again by then."""
    manager = type(row)._base_manager
    manager.filter(pk=row.pk)._raw_delete(manager.db)
    row.save(force_insert=True)


@pytest.mark.parametrize("name", VERSIONS)
def test_nothing_new_must_be_filled(name: str) -> None:
    assert [column for model in tables(before(name)) for column in columns_to_be_filled(model)] == []


def test_a_column_that_must_be_filled_is_found() -> None:
    """Of the time before the baseline, which no release knew."""
    state = before("identity_manager.0018_break_glass")
    found = {column for model in tables(state) for column in columns_to_be_filled(model)}
    assert "identity_manager_account.is_break_glass" in found


@pytest.mark.nightly
def test_nothing_new_must_be_filled_by_those_between() -> None:
    found = {
        name: columns
        for name in BETWEEN
        if (columns := [each for model in changed_tables(name) for each in columns_to_be_filled(model)])
    }
    assert found == {}


def changed_tables(name: str) -> list[type[models.Model]]:
    """Those of the version before the migration, where the migration changes them."""
    changed = changed_by(name)
    return [model for model in tables(before(name)) if _key(model) in changed] if changed else []


def _key(model: type[models.Model]) -> tuple[str, str]:
    return model._meta.app_label, str(model._meta.model_name)


@pytest.mark.parametrize("name", VERSIONS)
def test_what_the_road_leaves_is_read_and_written(name: str) -> None:
    Company().request_in("completed")
    written = {model._meta.label: written_again(model) for model in tables(before(name))}
    assert sum(1 for number in written.values() if number) >= 15, written


@pytest.mark.nightly
def test_what_the_road_leaves_is_read_and_written_by_those_between() -> None:
    """Each takes back what it has written."""
    Company().request_in("completed")
    written: Counter[str] = Counter()
    for name in BETWEEN:
        try:
            with transaction.atomic():
                written.update({model._meta.label: written_again(model) for model in changed_tables(name)})
                connection.check_constraints()
                transaction.set_rollback(True)
        except Exception as error:
            error.add_note(f"before {name}")
            raise
    assert sum(1 for number in written.values() if number) >= 10, written


def test_what_a_migration_changes_is_found() -> None:
    """A new column of persons; and a migration of an index, which changes no table."""
    assert changed_by("identity_manager.0049_who_entered") == {("identity_manager", "person")}
    assert len({name for name in NEWER if not changed_by(name)}) > 5
