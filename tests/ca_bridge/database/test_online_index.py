"""An index on a table that is in use: there afterwards, on both engines, and again after it broke off."""

import pytest
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from ca_bridge.database.online_index import AddIndexOnline
from ca_bridge.models import CaOrder

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]
NAME = "ca_order_for_a_test"


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, CaOrder._meta.db_table))


def states() -> tuple[AddIndexOnline, ProjectState, ProjectState]:
    operation = AddIndexOnline("caorder", models.Index(fields=["created_at"], name=NAME))
    before = MigrationLoader(None).project_state()
    after = before.clone()
    operation.state_forwards("ca_bridge", after)
    return operation, before, after


def test_it_is_built_and_taken_away() -> None:
    operation, before, after = states()
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("ca_bridge", editor, before, after)
    assert NAME in indexes()
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("ca_bridge", editor, after, before)
    assert NAME not in indexes()


def test_one_that_broke_off_is_built_anew(postgresql_only: None) -> None:
    operation, before, after = states()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {NAME} ON ca_bridge_caorder (created_at)")
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [NAME])
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("ca_bridge", editor, before, after)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [NAME])
        assert cursor.fetchone() == (True,)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("ca_bridge", editor, after, before)
