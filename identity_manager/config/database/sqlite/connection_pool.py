"""Connections to SQLite that no thread of this process uses at the moment."""

import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

QUIET_SECONDS = 1.0
KEPT_SECONDS = 60.0


@dataclass(frozen=True)
class Opened:
    """Where a connection leads, to which file of that name, and since when (time.monotonic) it is open."""

    path: str
    file: tuple[int, int] | None
    at: float


@dataclass(frozen=True)
class Idle:
    """An open connection, and since when (time.monotonic) nobody uses it."""

    connection: sqlite3.Connection
    opened: Opened
    unused_since: float


def file_at(path: str) -> tuple[int, int] | None:
    """Which file has that name now; None where none has, as where the database lies in memory."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


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
        """One that leads there, which is the caller's alone from now on.

        Where another file has been put in the place of the one that it was opened on, it is closed: what is
        written by it would be lost.
        """
        with self._lock:
            if not self._idle or self._idle[-1].opened.path != path:
                return None
            found = self._idle.pop()
        if found.opened.file == file_at(path):
            return found
        found.connection.close()
        return None

    def put(self, connection: sqlite3.Connection, opened: Opened) -> bool:
        """False where it is not kept: the caller has to close it. Nothing may be open on it."""
        now = time.monotonic()
        if opened.file is None or now - opened.at > KEPT_SECONDS:
            return False
        with self._lock:
            if self._ended.is_set():
                return False
            self._idle.append(Idle(connection, opened, now))
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
