"""Identity Manager and Self-Service as an operator runs them on two hosts: two web processes, each with its
own portal, cookies and key rings, one database, one worker and one beat. Loopback stands for the network.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path

from identity_manager.management.embedded import ARCHIVE_RINGS, AUDIT_RINGS, RINGS, Broker, server_executable
from tests.identity_manager.management.test_run import ROOT, environment, make_secrets, manage
from tests.tools import migrated
from tests.tools.broker import running_broker
from tests.tools.running import free_port, running, status, until

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
    with ExitStack() as stack:
        broker: Broker = stack.enter_context(running_broker(server_executable()))
        hosts = TwoHosts(var, free_port(), free_port(), broker.url)
        prepared = manage("prepare", var=var, port=hosts.console_port)
        assert prepared.returncode == 0, prepared.stderr
        log = var / "run" / "two-hosts.log"
        for arguments, variables in _programs(hosts):
            program = running([sys.executable, *arguments], log=log, end_within=30, env=variables, cwd=ROOT)
            stack.enter_context(program)
        for port in (hosts.console_port, hosts.selfservice_port):
            until(partial(_is_ready, port), f"port {port}", seconds=READY_SECONDS, log=log)
        yield hosts


def _is_ready(port: int) -> bool:
    return status(port, "/health/ready", host=f"localhost:{port}") == HTTPStatus.OK


def _programs(hosts: TwoHosts) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Each with the keys that it needs and no others."""
    none = dict.fromkeys(RINGS, "")
    other = {name: value for name, value in none.items() if name != "KEYS_OTHER"} | WITHOUT_CA_KEYS
    without_private = dict.fromkeys(("KEYS_PRIVATE_KEYS", *ARCHIVE_RINGS, *AUDIT_RINGS), "") | WITHOUT_CA_KEYS
    yield WORKER, hosts.variables(hosts.console_port)
    yield BEAT, hosts.variables(hosts.console_port, **none)
    yield WEB, hosts.variables(hosts.console_port, PORTALS="console", **other)
    yield WEB, hosts.variables(hosts.selfservice_port, PORTALS="selfservice", **without_private)
