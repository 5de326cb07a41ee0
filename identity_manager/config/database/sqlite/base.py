"""Django's SQLite backend with short busy waits (busy_wait.py), and a pool that reuses connections.

Opening a connection takes a seventh of a page's time: SQLite reads its whole schema, and Django registers
sixty functions. A connection is closed after any error, and if the database file was replaced; the pool says
when else (connection_pool.py). Only processes that call `IDLE.keep()` have a pool.
"""

import sqlite3
import time
import weakref
from typing import Any

from django.db.backends.sqlite3 import base

from identity_manager.config.database.sqlite import busy_wait
from identity_manager.config.database.sqlite.connection_pool import IDLE, Opened, file_at


class DatabaseWrapper(base.DatabaseWrapper):
    """Backend that returns closed connections to the pool."""

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
        # Read before opening: if the file is replaced meanwhile, the identity is that of the former file, and
        # the connection is not pooled.
        file, now = file_at(path), time.monotonic()
        connection = super().get_new_connection(conn_params)
        self._opened = Opened(path, file or file_at(path), now)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = super().create_cursor(name)
        self._cursors.add(cursor)
        return cursor

    def _close(self) -> None:
        """Close open cursors first: one that was not read to its end keeps its snapshot for the next page."""
        connection: busy_wait.Connection | None = self.connection
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
        """Called at the end of a request. Django deems each SQLite connection usable, even after an error."""
        if self.errors_occurred:
            self.close()
        else:
            super().close_if_unusable_or_obsolete()
