"""PostgreSQL: each table by COPY, all of one snapshot. Needs no program and no right but the tables' own,
and every version of the server reads it. https://www.postgresql.org/docs/current/sql-copy.html"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction

from identity_manager.management.backup import tables
from identity_manager.management.backup.manifest import CHUNK

FOLDER = "tables"


def version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"


def dump(directory: Path) -> dict[str, int]:
    """Copy every table there; return the rows of each."""
    (directory / FOLDER).mkdir()
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return {table: _copy_out(table, directory) for table in tables.kept()}


def _copy_out(table: str, directory: Path) -> int:
    columns = tables.quoted(*tables.columns(table))
    # Of a partitioned table COPY takes a query alone, which reads all of its partitions.
    query = f"COPY (SELECT {columns} FROM {tables.quoted(table)}) TO STDOUT"  # noqa: S608 our own tables
    with connection.cursor() as cursor, _file(directory, table).open("wb") as stream:
        with cursor.copy(query) as copy:
            for block in copy:
                stream.write(block)
        return int(cursor.rowcount)


@contextmanager
def opened(_directory: Path) -> Iterator[None]:
    """Does nothing: the files are opened one by one."""
    yield


def load(directory: Path) -> None:
    """Replace the present rows by those of the backup, in the caller's transaction."""
    names = tables.kept()
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables.quoted(*names, *sorted(tables.SESSIONS))}")
        for table in names:
            query = f"COPY {tables.quoted(table)} ({tables.quoted(*tables.columns(table))}) FROM STDIN"
            with cursor.copy(query) as copy, _file(directory, table).open("rb") as stream:
                while block := stream.read(CHUNK):
                    copy.write(block)
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models()):
            cursor.execute(statement)
    connection.check_constraints()


def _file(directory: Path, table: str) -> Path:
    return directory / FOLDER / f"{table}.copy"
