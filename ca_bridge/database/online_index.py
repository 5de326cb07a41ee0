"""Online index creation in migrations: PostgreSQL builds it CONCURRENTLY, so no writer waits.

PostgreSQL cannot do so on a partitioned table. There each partition's index is built concurrently, then
attached to the table's index, which becomes valid with the last one.
https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE
"""

from typing import Any

from django.db import migrations

from ca_bridge.database import partitions


class AddIndexOnline(migrations.AddIndex):
    """AddIndex by CREATE INDEX CONCURRENTLY, for migrations with `atomic = False`: it runs in no transaction.

    A failed try leaves an invalid index; the next one drops and rebuilds it.
    """

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            self._remove(model, schema_editor)
            if partitions.is_partitioned(schema_editor.connection, model._meta.db_table):
                _add_to_each_partition(model, self.index, schema_editor)
            else:
                schema_editor.add_index(model, self.index, concurrently=True)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            self._remove(model, schema_editor)

    def _remove(self, model: Any, schema_editor: Any) -> None:
        """Drop it concurrently; on a partitioned table, with its partitions' indexes, not concurrently."""
        divided = partitions.is_partitioned(schema_editor.connection, model._meta.db_table)
        schema_editor.remove_index(model, self.index, concurrently=not divided)


def _add_to_each_partition(model: Any, index: Any, schema_editor: Any) -> None:
    table = model._meta.db_table
    statement = str(index.create_sql(model, schema_editor))
    quote = schema_editor.quote_name
    whole = statement.replace(f" ON {quote(table)}", f" ON ONLY {quote(table)}", 1)
    schema_editor.execute(whole, params=None)
    for number, part in enumerate(partitions.partitions(schema_editor.connection, table)):
        name = f"{index.name}_{number}"
        of_part = statement.replace(quote(index.name), f"CONCURRENTLY {quote(name)}", 1)
        of_part = of_part.replace(f" ON {quote(table)}", f" ON {quote(part.name)}", 1)
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quote(name)}")
        schema_editor.execute(of_part, params=None)
        schema_editor.execute(f"ALTER INDEX {quote(index.name)} ATTACH PARTITION {quote(name)}")


class AddUniqueOnline(migrations.AddConstraint):
    """Add a conditional UniqueConstraint, which both databases implement as a partial unique index.

    For migrations with `atomic = False`. Present duplicates fail the migration, with nothing changed.
    """

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{self.constraint.name}"')
            statement = str(self.constraint.create_sql(model, schema_editor))
            schema_editor.execute(
                statement.replace("CREATE UNIQUE INDEX", "CREATE UNIQUE INDEX CONCURRENTLY"), params=None
            )
