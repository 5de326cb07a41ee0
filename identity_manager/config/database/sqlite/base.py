"""SQLite as Django speaks to it, with waits as short as another's writes are (busy_wait.py), and connections
that serve one page after the other.

To open one costs a seventh of a page: SQLite reads its whole schema, and Django names it sixty functions. But
the last one that is closed truncates the write-ahead log, where what was overwritten since may stand. So none
stays open that was not used for a second, nor for longer than a minute: its statistics are of the time when
it was opened. Nor does one on which anything failed, or whose file is not the database any more. Only who
calls `idle.keep()` keeps any.
"""

import sqlite3
import time
import weakref
from typing import Any

from django.db.backends.sqlite3 import base

from identity_manager.config.database.sqlite import busy_wait
from identity_manager.config.database.sqlite.connection_pool import IDLE, Opened, file_at


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but what it closes may be taken up again."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._opened: Opened | None = None
        self._cursors: weakref.WeakSet[sqlite3.Cursor] = weakref.WeakSet()

    def get_connection_params(self) -> dict[str, Any]:
        return {"factory": busy_wait.Connection, **super().get_connection_params()}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        path = str(self.settings_dict["NAME"])
        kept = IDLE.take(path)
        if kept is not None:
            self._opened = kept.opened
            return kept.connection
        # Before it is opened: of one that is replaced meanwhile we note the former, and keep no connection.
        file, now = file_at(path), time.monotonic()
        connection = super().get_new_connection(conn_params)
        self._opened = Opened(path, file or file_at(path), now)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = super().create_cursor(name)
        self._cursors.add(cursor)
        return cursor

    def _close(self) -> None:
        """A cursor that was not read to its end holds on to what it reads: the next page would see that."""
        connection: sqlite3.Connection | None = self.connection
        if connection is None:
            return
        for cursor in [*self._cursors]:
            cursor.close()
        self._cursors.clear()
        with self.wrap_database_errors:
            faultless = not (self.errors_occurred or connection.in_transaction)
            if not (faultless and self._opened and IDLE.put(connection, self._opened)):
                connection.close()

    def close_if_unusable_or_obsolete(self) -> None:
        """Where a page ends. Django takes each connection to SQLite for usable, and forgets what failed."""
        if self.errors_occurred:
            self.close()
        else:
            super().close_if_unusable_or_obsolete()
