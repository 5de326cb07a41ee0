"""SQLite online backup API: a consistent copy of the file while others write, read back as a second database.

https://sqlite.org/backup.html
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from django.db import connection

from identity_manager.management.backup import tables
from identity_manager.management.backup.manifest import BackupError

FILE_NAME = "database.sqlite3"


def version() -> str:
    return f"SQLite {sqlite3.sqlite_version}"


def dump(directory: Path) -> dict[str, int]:
    """Copy the database there; return the rows of each table in the copy. Raises BackupError."""
    try:
        return _copied(connection.settings_dict["NAME"], directory / FILE_NAME)
    except sqlite3.Error as error:  # the disk is full, say
        raise BackupError(f"The database cannot be copied to {directory.parent}: {error}.") from error


def _copied(source: str, path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(source, timeout=30)) as present, closing(sqlite3.connect(path)) as copy:
        present.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, that can be read from a read-only place
        _forget_sessions(copy)
        return {table: _count(copy, table) for table in tables.kept()}


def _forget_sessions(copy: sqlite3.Connection) -> None:
    copy.execute("PRAGMA secure_delete=ON")
    for table in sorted(tables.SESSIONS):
        copy.execute(f"DELETE FROM {tables.quoted(table)}")  # noqa: S608 our own tables
    copy.commit()


def _count(copy: sqlite3.Connection, table: str) -> int:
    query = f"SELECT count(*) FROM {tables.quoted(table)}"  # noqa: S608 our own tables
    return int(copy.execute(query).fetchone()[0])


@contextmanager
def opened(directory: Path) -> Iterator[None]:
    """Attach the backup read-only to the connection of the present database. Outside any transaction."""
    address = f"file:{quote(str((directory / FILE_NAME).resolve()))}?mode=ro&immutable=1"
    with connection.cursor() as cursor:
        cursor.execute("ATTACH DATABASE %s AS backup", [address])
        try:
            yield
        finally:
            cursor.execute("DETACH DATABASE backup")


def load(_directory: Path) -> None:
    """Replace the present rows by those of the backup, in the caller's transaction."""
    with connection.cursor() as cursor:
        for table in [*tables.kept(), *sorted(tables.SESSIONS)]:
            cursor.execute(f"DELETE FROM main.{tables.quoted(table)}")  # noqa: S608 our own tables
        for table in tables.kept():
            name, columns = tables.quoted(table), tables.quoted(*tables.columns(table))
            cursor.execute(
                f"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM backup.{name}"  # noqa: S608 our own tables
            )
    connection.check_constraints()
