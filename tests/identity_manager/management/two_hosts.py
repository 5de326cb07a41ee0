"""Identity Manager and Self-Service as an operator runs them on two hosts: two web processes, each with its
own portal, cookies and key rings, one database, one worker and one beat. Loopback stands for the network.
"""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from identity_manager.management.embedded import ARCHIVE_RINGS, AUDIT_RINGS, RINGS, Broker, server_executable
from tests.identity_manager.management.test_run import ROOT, environment, free_port, make_secrets, manage
from tests.tools import migrated
from tests.tools.broker import running_broker

READY_SECONDS = 60
WITHOUT_CA_KEYS = {"CA_PASSPHRASE_FILE": ""}
CELERY = ("-m", "celery", "--quiet", "--app", "identity_manager")
WORKER = (*CELERY, "worker", "--pool", "threads", "--concurrency", "2", "--queues", "ca,mail,bulk")
BEAT = (*CELERY, "beat", "--pidfile", "")
WEB = ("-m", "gunicorn", "--config", "python:identity_manager.config.runtime.gunicorn")


@dataclass(frozen=True)
class TwoHosts:
    """Where the two portals are. One name, two ports: cookies know no ports, so their names must differ."""

    var: Path
    console_port: int
    selfservice_port: int
    broker: str

    @property
    def console(self) -> str:
        return f"http://localhost:{self.console_port}"

    @property
    def selfservice(self) -> str:
        return f"http://localhost:{self.selfservice_port}"

    def variables(self, port: int, **more: str) -> dict[str, str]:
        own = {
            "CONSOLE_BASE_URL": self.console,
            "SELFSERVICE_BASE_URL": self.selfservice,
            "BROKER_URL": self.broker,
            "WEB_PROCESSES": "1",
        }
        pki = {"PKI_BASE_URL": f"http://127.0.0.1:{self.console_port}", "LOG_LEVEL": "WARNING"}
        return {**environment(self.var, port), **own, **pki, **more}


@contextmanager
def two_hosts(var: Path) -> Iterator[TwoHosts]:
    """Yield the running installation, with the demo organisation in it."""
    make_secrets(var)
    migrated.copied_if_kept(var / "data" / "db.sqlite3")
    with ExitStack() as running:
        broker: Broker = running.enter_context(running_broker(server_executable()))
        hosts = TwoHosts(var, free_port(), free_port(), broker.url)
        prepared = manage("prepare", var=var, port=hosts.console_port)
        assert prepared.returncode == 0, prepared.stderr
        for arguments, variables in _programs(hosts):
            running.enter_context(_program(arguments, variables, var / "run" / "two-hosts.log"))
        for port in (hosts.console_port, hosts.selfservice_port):
            _wait_until_it_answers(port)
        yield hosts


def _programs(hosts: TwoHosts) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Each with the keys that it needs and no others."""
    none = dict.fromkeys(RINGS, "")
    other = {name: value for name, value in none.items() if name != "KEYS_OTHER"} | WITHOUT_CA_KEYS
    without_private = dict.fromkeys(("KEYS_PRIVATE_KEYS", *ARCHIVE_RINGS, *AUDIT_RINGS), "") | WITHOUT_CA_KEYS
    yield WORKER, hosts.variables(hosts.console_port)
    yield BEAT, hosts.variables(hosts.console_port, **none)
    yield WEB, hosts.variables(hosts.console_port, PORTALS="console", **other)
    yield WEB, hosts.variables(hosts.selfservice_port, PORTALS="selfservice", **without_private)


@contextmanager
def _program(arguments: tuple[str, ...], variables: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=variables, cwd=ROOT, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(port):
        assert time.monotonic() < deadline, f"port {port} does not answer"
        time.sleep(0.2)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health/ready", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
