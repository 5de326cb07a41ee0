"""Pool of idle SQLite connections of this process."""

import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

QUIET_SECONDS = 1.0
KEPT_SECONDS = 60.0


@dataclass(frozen=True)
class Opened:
    """Identity of a connection: path, device and inode of the file, and when it was opened (monotonic)."""

    path: str
    file: tuple[int, int] | None
    at: float


@dataclass(frozen=True)
class Idle:
    """An idle connection, and since when it is idle (monotonic seconds)."""

    connection: sqlite3.Connection
    opened: Opened
    unused_since: float


def file_at(path: str) -> tuple[int, int] | None:
    """Device and inode of the file at the path; None without a file, as for an in-memory database."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class IdleConnections:
    """A last-in-first-out pool; connections idle for a second are closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Idle] = []
        self._ended = threading.Event()
        self._ended.set()
        self._closes = False

    def keep(self) -> None:
        """Enable the pool in this process; call it after fork."""
        self._ended.clear()

    def stop(self) -> None:
        """Close all connections and disable the pool."""
        self._ended.set()
        self._close(unused_for=0.0)

    def take(self, path: str) -> Idle | None:
        """Take a connection to the path out of the pool; None if there is none.

        A connection whose file was replaced is closed: writes to it would be lost.
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
        """Return a connection without open cursors to the pool; False if the caller has to close it."""
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
