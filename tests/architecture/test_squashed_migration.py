"""A new database comes from one squashed migration, and is what those make of it that it replaces (ADR 59).

Who changes the one changes the other: an installation of an older version goes through the replaced ones.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from tests.architecture.migrations import leaves, one_by_one, plan
from tests.tools.postgres_template import dump, on_the_server

# A check constraint is written otherwise where a column may be NULL, and these columns became so after their
# constraint was made. What it allows is the same.
WRITTEN_OTHERWISE = {
    "sqlite": {"identity_manager_termsdocument"},
    "postgresql": {
        "CREATE TABLE public.identity_manager_personimport (",
        "CREATE TABLE public.identity_manager_signincode (",
    },
}
STOPPED_AT = 50
PIECE = re.compile(r', (?=")|, (?=CONSTRAINT)')


def test_the_models_are_the_same() -> None:
    """`makemigrations --check` compares those of the squashed one with the code."""
    loader = MigrationLoader(None)
    step_by_step = ProjectState(real_apps=loader.unmigrated_apps)
    for migration in plan():
        migration.mutate_state(step_by_step, preserve=False)
    changes = MigrationAutodetector(step_by_step, loader.project_state()).changes(loader.graph)
    assert changes == {}


def test_a_new_database_needs_none_of_those_replaced() -> None:
    replaced = {key for each in MigrationLoader(None).replacements.values() for key in each.replaces}
    assert len(replaced) > 100
    assert not replaced & set(MigrationLoader(None).graph.nodes)


@pytest.mark.nightly
@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_the_databases_are_the_same(tmp_path: Path) -> None:
    with new_database(tmp_path, "at_once"):
        migrate()
        at_once = schema(tmp_path)
    with new_database(tmp_path, "one_by_one"):
        executor = MigrationExecutor(connection)
        executor.migrate(leaves(one_by_one(executor.loader)))
        step_by_step = schema(tmp_path)
    names = set(at_once) | set(step_by_step)
    different = {name for name in names if at_once.get(name) != step_by_step.get(name)}
    assert different == WRITTEN_OTHERWISE[connection.vendor]


@pytest.mark.long
@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_who_is_stopped_while_it_is_recorded_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is recorded as each of those that it replaces, in the transaction that creates the tables."""
    recorded, record = [], MigrationRecorder.record_applied

    def record_some(self: MigrationRecorder, app: str, name: str) -> None:
        if app == "identity_manager":
            recorded.append(name)
            if len(recorded) == STOPPED_AT:
                raise InterruptedError
        record(self, app, name)

    monkeypatch.setattr(MigrationRecorder, "record_applied", record_some)
    with new_database(tmp_path, "stopped"):
        with pytest.raises(InterruptedError):
            migrate()
        assert not [name for name in connection.introspection.table_names() if "identity_manager" in name]
        migrate()
        assert "identity_manager_person" in connection.introspection.table_names()


def migrate() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@contextmanager
def new_database(folder: Path, name: str) -> Iterator[None]:
    """An empty one, in the place of that of the tests."""
    before = connection.settings_dict["NAME"]
    if connection.vendor == "postgresql":
        on_the_server(f'CREATE DATABASE "{name}"')
    switch_to(name if connection.vendor == "postgresql" else str(folder / name))
    try:
        yield
    finally:
        switch_to(before)
        if connection.vendor == "postgresql":
            on_the_server(f'DROP DATABASE "{name}"')


def switch_to(name: str) -> None:
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()
    connection.settings_dict["NAME"] = name


def schema(folder: Path) -> dict[str, Counter[str]]:
    """What each table, index, trigger, function and so on consists of, in any order; by its name."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, COALESCE(sql, '') FROM sqlite_schema")
            return {name: Counter(PIECE.split(sql.removesuffix(")"))) for name, sql in cursor.fetchall()}
    place = folder / "schema.sql"
    dump(connection.settings_dict["NAME"], place)
    found: dict[str, Counter[str]] = {}
    for part in place.read_text(encoding="utf-8").split("\n\n"):
        head, _, body = part.strip().partition("\n")
        if head.startswith("ALTER"):  # of a table, whose name has others like it
            found[part.strip()] = Counter()
        elif head.startswith("CREATE"):
            found[head] = Counter(line.strip().rstrip(",") for line in body.splitlines())
    return found
