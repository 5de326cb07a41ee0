"""Busy wait for SQLite's single writer, with shorter sleeps than SQLite's own busy handler.

SQLite sleeps for 1, 2, 5, 10, 15, 20, 25, then up to 100 ms between attempts, longer than most of our
transactions take: one of two workers sleeps while nobody writes, and a page never hits the gaps of a worker
that writes repeatedly. So statements are retried here. https://sqlite.org/c3ref/busy_timeout.html
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3.base import SQLiteCursorWrapper

# Statements that take the write lock outside of a transaction. All others use SQLite's own busy handler.
WRITES = ("BEGIN", "INSERT", "UPDATE", "DELETE")
SHORTEST_SECONDS = 0.0005
LONGEST_SECONDS = 0.002  # longest sleep; many may wait at once, and each attempt costs about 20 microseconds
SHARE = 8  # the next sleep is an eighth of the time waited so far
PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)


class Connection(sqlite3.Connection):
    """A connection whose cursors retry statements that found the database locked."""

    def __init__(self, database: str, timeout: float = 5.0, **options: Any) -> None:
        super().__init__(database, timeout=timeout, **options)
        self.patience = timeout

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        return super().cursor(Cursor if factory is SQLiteCursorWrapper else factory)

    @contextmanager
    def unwaiting(self) -> Iterator[None]:
        """Context with a busy time-out of 0: SQLITE_BUSY is returned at once."""
        self.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            self.execute(f"PRAGMA busy_timeout = {round(self.patience * 1000)}")


class Cursor(SQLiteCursorWrapper):
    """Retries statements that fail with SQLITE_BUSY, which have had no effect."""

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
    """Whether a retry can succeed once the other writer is done. https://sqlite.org/rescode.html

    Not for SQLITE_BUSY_SNAPSHOT: our own open read has an older snapshot.
    """
    return error.sqlite_errorcode in PASSING
