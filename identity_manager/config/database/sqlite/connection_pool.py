"""Pool of idle SQLite connections of this process.

A connection is kept for a minute at most, because it has the planner statistics of the time when it was
opened. The write-ahead log may contain data that was overwritten since, and SQLite truncates it by itself
only when the last connection of all processes closes. So a process that has used none for a second truncates
it.
"""

import math
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from identity_manager.config.database.sqlite.busy_wait import Connection

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

    connection: Connection
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
    """A last-in-first-out pool, with a thread that closes and truncates."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Idle] = []
        self._ended = threading.Event()
        self._ended.set()
        self._tidies = False

    def keep(self) -> None:
        """Enable the pool in this process; call it after fork."""
        self._ended.clear()

    def stop(self) -> None:
        """Close all connections and disable the pool."""
        self._ended.set()
        self._close(opened_before=math.inf)

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

    def put(self, connection: Connection, opened: Opened) -> bool:
        """Return a connection without open cursors to the pool; False if the caller has to close it."""
        now = time.monotonic()
        if opened.file is None or now - opened.at > KEPT_SECONDS:
            return False
        with self._lock:
            if self._ended.is_set():
                return False
            self._idle.append(Idle(connection, opened, now))
            if not self._tidies:  # where the database is another, nothing is ever put here
                self._tidies = True
                threading.Thread(target=self._tidy, name="sqlite", daemon=True).start()
        return True

    def _tidy(self) -> None:
        while not self._ended.wait(QUIET_SECONDS / 2):
            now = time.monotonic()
            self._close(opened_before=now - KEPT_SECONDS)
            self._truncate_log(unused_since=now - QUIET_SECONDS)
        self._tidies = False

    def _close(self, *, opened_before: float) -> None:
        with self._lock:
            old = [each for each in self._idle if each.opened.at < opened_before]
            self._idle = [each for each in self._idle if each.opened.at >= opened_before]
        for each in old:
            each.connection.close()

    def _truncate_log(self, *, unused_since: float) -> None:
        """Truncate the log if none was used since then. While others read or write, the next call does it.

        Not by a connection whose file was replaced: it would move the log of the new file into the old one.
        """
        with self._lock:
            if not self._idle or self._idle[-1].unused_since > unused_since:
                return
            last = self._idle.pop()
        if last.opened.file != file_at(last.opened.path):
            last.connection.close()
            return
        try:
            if _log_has_content(last.opened.path):
                with last.connection.unwaiting():
                    last.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:  # a full disk, for example: the next use of the database reports it
            last.connection.close()
        else:
            self._put_back(last)

    def _put_back(self, idle: Idle) -> None:
        with self._lock:
            if not self._ended.is_set():
                self._idle.append(idle)
                return
        idle.connection.close()


def _log_has_content(path: str) -> bool:
    try:
        return Path(f"{path}-wal").stat().st_size > 0
    except OSError:
        return False


IDLE = IdleConnections()
