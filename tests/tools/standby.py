"""A streaming replica of the PostgreSQL server of the tests, made by pg_basebackup of its version."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from django.db import connection

from tests.tools.postgres_template import PROGRAMS, value
from tests.tools.running import until

START_SECONDS = 20
USER = "embedded_postgres" if os.geteuid() == 0 else None  # a server does not run as root


class Standby:
    """The running server. socket: the directory of its socket, which is what its address names."""

    def __init__(self, place: Path, environment: dict[str, str]) -> None:
        self.socket = str(place)
        self._arguments = [str(PROGRAMS / "postgres"), "-D", str(place / "data"), "-k", self.socket]
        self._arguments += ["-c", "listen_addresses=", "-c", "fsync=off"]
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._arguments, user=USER, env=self._environment, stderr=subprocess.DEVNULL
        )
        until(self._answers, "the standby", seconds=START_SECONDS, process=self._process)

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            self.run("SELECT 1")
            return True
        return False

    def stop(self) -> None:
        """As a crash does (SIGQUIT)."""
        if self._process is not None:
            self._process.send_signal(3)
            self._process.wait(timeout=START_SECONDS)
            self._process = None

    def run(self, sql: str) -> None:
        """The statement, by a connection of its own."""
        name, user = connection.settings_dict["NAME"], connection.settings_dict["USER"]
        with psycopg.connect(f"host={self.socket} dbname={name} user={user}", autocommit=True) as other:
            other.execute(sql)


@contextmanager
def running() -> Iterator[Standby]:
    """It follows the server of the test's database, and is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="im-standby-", ignore_cleanup_errors=True) as directory:
        place = Path(directory)
        if USER:
            shutil.chown(place, USER)
        environment = {**os.environ, **_locale()}
        if "LOCPATH" in environment:
            (place / "locale").symlink_to(environment["LOCPATH"])  # for a standby of this one
        host, user = connection.settings_dict["HOST"], connection.settings_dict["USER"]
        copy = [str(PROGRAMS / "pg_basebackup"), "-h", host, "-U", user, "-D", str(place / "data")]
        subprocess.run(
            [*copy, "-R", "-X", "stream", "-c", "fast", "--no-sync"], user=USER, check=True, env=environment
        )
        standby = Standby(place, environment)
        try:
            standby.start()
            yield standby
        finally:
            standby.stop()


def _locale() -> dict[str, str]:
    """What the server of the tests sorts by, made beside its data (tests/tools/postgres_server.py)."""
    made = Path(value("SHOW data_directory")).parent / "locale"
    return {"LC_ALL": "en_US.UTF-8", "LOCPATH": str(made)} if made.is_dir() else {}
