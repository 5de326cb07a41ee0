"""Copies of the test's database, one for each run."""

import shutil
import sqlite3
from pathlib import Path

from django.db import connection

from tests.tools.postgres_template import on_the_server
from tests.tools.processes import let_go


class Copies:
    """Copies of one database. The connection of this process is closed while any is made."""

    def __init__(self, directory: Path, *, source: str) -> None:
        self._directory = directory
        self._source = source

    def make(self, name: str, *, source: str | None = None) -> str:
        """Return the name of a new copy, as Django's settings have it."""
        let_go()
        origin, target = source or self._source, self.name(name)
        if connection.vendor == "sqlite":
            _copy_file(origin, target)
            return target
        self.drop(target)  # another walk of the same name may have left it
        on_the_server(f'CREATE DATABASE "{target}" TEMPLATE "{origin}"')
        return target

    def name(self, of: str) -> str:
        """What the copy of that name is called in Django's settings."""
        if connection.vendor == "sqlite":
            return str(self._directory / f"{of}.sqlite3")
        return f"{self._source}_{of}"

    def drop(self, copy: str) -> None:
        """Forget a copy."""
        if connection.vendor == "postgresql":
            on_the_server(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
        else:
            for path in self._directory.glob(f"{Path(copy).name}*"):
                path.unlink()


def _copy_file(origin: str, target: str) -> None:
    with sqlite3.connect(origin) as reader:
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    reader.close()
    shutil.copyfile(origin, target)
