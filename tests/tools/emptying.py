"""How PostgreSQL's tables are emptied after each test that commits: rows are deleted, where there are any.

Django truncates all of them, and PostgreSQL makes new files for each table and each index then, of which
there are hundreds. To delete the few rows that a test leaves takes a small part of that.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations

# A table that tells another one when it is truncated; tgtype is a mask (pg_trigger.h: TRIGGER_TYPE_TRUNCATE).
TOLD_OF_TRUNCATION = "SELECT tgname FROM pg_trigger WHERE tgtype & 32 <> 0 AND NOT tgisinternal LIMIT 1"
# Triggers refuse what the product never deletes, and rows refer to each other both ways.
BEFORE = "SET LOCAL session_replication_role = replica"
AFTER = "SET LOCAL session_replication_role = origin"


@pytest.fixture(scope="session", autouse=True)
def _rows_are_deleted() -> Iterator[None]:
    """Django's `flush` asks the operations of the connection for its statements."""
    if connection.vendor != "postgresql":
        yield
        return
    operations = type(connection.ops)
    truncation = operations.sql_flush

    def deletion(of: BaseDatabaseOperations, style: Any, tables: list[str], **options: bool) -> list[str]:
        if not tables or any(options.values()) or first_column(TOLD_OF_TRUNCATION):
            found: list[str] = truncation(of, style, tables, **options)  # type: ignore[arg-type]  # PostgreSQL's
            return found
        rows = [f"DELETE FROM {of.quote_name(table)}" for table in filled(of, tables)]  # noqa: S608 our own
        return [BEFORE, *rows, AFTER]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "sql_flush", deletion)
        yield


def filled(operations: BaseDatabaseOperations, tables: list[str]) -> list[str]:
    """Those of the tables that hold a row."""
    return first_column(
        " UNION ALL ".join(
            f"SELECT '{table}' WHERE EXISTS (SELECT FROM {operations.quote_name(table)})"  # noqa: S608 our own
            for table in tables
        )
    )


def first_column(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]
