"""How SQLite waits for another writer: as long as that one takes, and not much longer.

SQLite has one writer. Who finds it at work sleeps for 1, 2, 5, 10, 15, 20, 25, then up to 100 ms before each
next look, which is longer than most of our transactions take: of two workers one stands still while nobody
writes, and a page behind a worker that writes again and again finds none of the gaps. So we look ourselves.
https://sqlite.org/c3ref/busy_timeout.html
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3.base import SQLiteCursorWrapper

# What takes the lock where no transaction is open. All else that may have to wait does it as SQLite does.
WRITES = ("BEGIN", "INSERT", "UPDATE", "DELETE")
SHORTEST_SECONDS = 0.0005
LONGEST_SECONDS = 0.002  # many may wait together, and each look costs some 20 microseconds
SHARE = 8  # we look again after an eighth of what we have waited
PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)


class Connection(sqlite3.Connection):
    """What our backend opens: its cursors look for the end of another's transaction themselves."""

    def __init__(self, database: str, timeout: float = 5.0, **options: Any) -> None:
        super().__init__(database, timeout=timeout, **options)
        self.patience = timeout

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        return super().cursor(Cursor if factory is SQLiteCursorWrapper else factory)

    @contextmanager
    def unwaiting(self) -> Iterator[None]:
        """Have SQLite say at once that somebody else writes."""
        self.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            self.execute(f"PRAGMA busy_timeout = {round(self.patience * 1000)}")


class Cursor(SQLiteCursorWrapper):
    """A statement that is turned away has done nothing, so it may be said again."""

    connection: Connection

    def execute(self, query: str, params: Any = None) -> Any:
        if self.connection.in_transaction or not query.startswith(WRITES):
            return super().execute(query, params)
        with self.connection.unwaiting():
            return self._once_nobody_writes(query, params)

    def _once_nobody_writes(self, query: str, params: Any) -> Any:
        began = time.monotonic()
        while True:
            try:
                return super().execute(query, params)
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - began
                if not _is_busy(error) or waited >= self.connection.patience:
                    raise
            time.sleep(min(max(waited / SHARE, SHORTEST_SECONDS), LONGEST_SECONDS))


def _is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether it passes when another is done. https://sqlite.org/rescode.html

    SQLITE_BUSY_SNAPSHOT does not: what we read ourselves, and have not read to its end, is of before.
    """
    return error.sqlite_errorcode in PASSING
