"""/health/live is answered at once by a real gunicorn without a database, also while pages wait for it."""

import http.client
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from identity_manager.config import secret_files
from tests import check_deploy
from tests.architecture.source import ROOT
from tests.tools.running import free_port, until

pytestmark = pytest.mark.nightly

HOST = "tokens.acme-corporation.net"
THREADS = 2
OF_WORKERS = (
    *("KEYS_PRIVATE_KEYS", "KEYS_ARCHIVE", "KEYS_RECOVERY", "KEYS_SHARE_TRANSPORT"),
    *("AUDIT_KEYS", "AUDIT_SIGNING_KEYS"),
)
WITHIN = 0.1  # seconds


@pytest.fixture(params=["nothing listens", "nobody answers"])
def database_port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Of a server that was stopped, or of one that is out of reach: connections hang."""
    if request.param == "nothing listens":
        yield free_port()
        return
    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent:
        yield silent.getsockname()[1]


@pytest.fixture
def port(tmp_path: Path, database_port: int) -> Iterator[int]:
    secret_files.make(tmp_path)
    environment = check_deploy.environment(tmp_path)
    for name in OF_WORKERS:
        del environment[f"{name}_FILE"]
        environment[name] = ""
    port = free_port()
    environment |= {
        "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{database_port}/nothing",
        "BIND": f"127.0.0.1:{port}",
        "WEB_PROCESSES": "1",
        "WEB_THREADS": str(THREADS),
        "PYTHONPATH": str(ROOT),
    }
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(collect, cwd=ROOT, env=environment, check=True)
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        "python:identity_manager.config.runtime.gunicorn",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(port), "gunicorn", seconds=60, process=process)
        yield port
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        return asked(port, "/health/live") == http.client.OK
    except OSError:
        return False


def asked(port: int, path: str, *, timeout: float = 30) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = {"Host": HOST, "X-Forwarded-Proto": "https", "Cookie": f"__Host-sessionid={'a' * 32}"}
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def pages_that_wait(port: int) -> Iterator[None]:
    """More visits than there are threads, each of which looks for a session in the database."""

    def visit() -> None:
        try:
            asked(port, "/my/", timeout=60)
        except OSError:
            return  # the test is over

    visits = [threading.Thread(target=visit, daemon=True) for _ in range(3 * THREADS)]
    for each in visits:
        each.start()
    time.sleep(1)
    yield


def took(port: int) -> float:
    """The middle of several: another test may have the processor for a moment."""
    found = []
    for _ in range(9):
        began = time.monotonic()
        assert asked(port, "/health/live") == http.client.OK
        found.append(time.monotonic() - began)
    return statistics.median(found)


def test_it_is_answered_at_once(port: int) -> None:
    assert took(port) < WITHIN
    with pages_that_wait(port):
        assert took(port) < WITHIN
