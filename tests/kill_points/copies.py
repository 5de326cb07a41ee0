"""Copies of the test's database, one for each run."""

import shutil
import sqlite3
from pathlib import Path

from django.db import connection

from tests.processes import let_go


class Copies:
    """Copies of one database. The connection of this process is closed while any is made."""

    def __init__(self, directory: Path, *, source: str) -> None:
        self._directory = directory
        self._source = source

    def make(self, name: str, *, source: str | None = None) -> str:
        """Return the name of a new copy, as Django's settings have it."""
        let_go()
        origin = source or self._source
        if connection.vendor == "sqlite":
            target = str(self._directory / f"{name}.sqlite3")
            _copy_file(origin, target)
            return target
        target = f"{self._source}_{name}"
        self.drop(target)  # another walk of the same name may have left it
        self._administer(f'CREATE DATABASE "{target}" TEMPLATE "{origin}"')
        return target

    def drop(self, copy: str) -> None:
        """Forget a copy."""
        if connection.vendor == "postgresql":
            self._administer(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
        else:
            for path in self._directory.glob(f"{Path(copy).name}*"):
                path.unlink()

    @staticmethod
    def _administer(statement: str) -> None:
        with connection._nodb_cursor() as cursor:
            cursor.execute(statement)


def _copy_file(origin: str, target: str) -> None:
    with sqlite3.connect(origin) as reader:
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    reader.close()
    shutil.copyfile(origin, target)
