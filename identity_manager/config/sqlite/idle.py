"""Connections to SQLite that no thread of this process uses at the moment."""

import sqlite3
import threading
import time
from dataclasses import dataclass

QUIET_SECONDS = 1.0
KEPT_SECONDS = 60.0


@dataclass(frozen=True)
class Idle:
    """An open connection, where it leads, and since when (time.monotonic) it is open and unused."""

    path: str
    connection: sqlite3.Connection
    opened_at: float
    unused_since: float


class IdleConnections:
    """Who wants a connection takes the one that was used last; what is not wanted for a second is closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Idle] = []
        self._ended = threading.Event()
        self._ended.set()
        self._closes = False

    def keep(self) -> None:
        """Keep them from now on, in this process: to be called after it was forked."""
        self._ended.clear()

    def stop(self) -> None:
        """Close all, and keep none any more."""
        self._ended.set()
        self._close(unused_for=0.0)

    def take(self, path: str) -> Idle | None:
        """One that leads there, which is the caller's alone from now on."""
        with self._lock:
            if self._idle and self._idle[-1].path == path:
                return self._idle.pop()
        return None

    def put(self, path: str, connection: sqlite3.Connection, *, opened_at: float) -> bool:
        """False where it is not kept: the caller has to close it. Nothing may be open on it."""
        now = time.monotonic()
        if now - opened_at > KEPT_SECONDS:
            return False
        with self._lock:
            if self._ended.is_set():
                return False
            self._idle.append(Idle(path, connection, opened_at, now))
            if not self._closes:  # where the database is another, nothing is ever put here
                self._closes = True
                threading.Thread(target=self._close_the_quiet, name="sqlite", daemon=True).start()
        return True

    def _close_the_quiet(self) -> None:
        while not self._ended.wait(QUIET_SECONDS / 2):
            self._close(unused_for=QUIET_SECONDS)
        self._closes = False

    def _close(self, *, unused_for: float) -> None:
        until = time.monotonic() - unused_for
        with self._lock:
            quiet = [each for each in self._idle if each.unused_since <= until]
            self._idle = [each for each in self._idle if each.unused_since > until]
        for each in quiet:
            each.connection.close()


IDLE = IdleConnections()
