"""Tables in a backup: those of every model except sessions."""

from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from identity_manager.management.backup.manifest import BackupError

SESSIONS = frozenset({"django_session", "usersessions_usersession", "identity_manager_providersession"})


def kept() -> list[str]:
    """The names of the tables, in a fixed order."""
    return sorted(set(connection.introspection.django_table_names(only_existing=True)) - SESSIONS)


def migrations() -> list[str]:
    """The migrations that were applied to this database."""
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def columns(table: str) -> list[str]:
    """Writable columns, without generated ones."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.db_table == table:
            fields = [field for field in model._meta.local_concrete_fields if not field.generated]
            return [field.column for field in fields if field.column]
    raise BackupError(f"No model has the table {table}.")


def quoted(*names: str) -> str:
    return ", ".join(connection.ops.quote_name(name) for name in names)
