"""Where a process may die: found by watching it, so that nobody has to keep a list.

For processes that end after their walk: what is put in place here is never taken away.
"""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery.app.task import Task
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from ca_bridge import contract, contract_operation
from ca_bridge.connection import registry
from identity_manager import queue
from tests.kill_points.outside import Broker

COMMIT, CA, MAIL, BROKER = "commit", "ca", "mail", "broker"
KINDS = {COMMIT, CA, MAIL, BROKER}
BEFORE, AFTER = "before", "after"
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
CALLS = (
    contract.Connector,
    contract.IssuesTogether,
    contract.FindsOrders,
    contract.FindsAll,
    contract.Drafts,
    contract.ReleasesHold,
    contract_operation.RenewsCrl,
    contract_operation.ErasesRecords,
)
FROM_MEMORY = {"chain"}  # of the contract: never asks anybody


class Boundaries:
    """Writes down each boundary that is passed here; dies at the one with that number, if any.

    Those that another process has passed before, by the same log, count.
    """

    def __init__(self, log: Path, *, die_at: int | None) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._die_at = die_at
        self.number = len(log.read_text().splitlines())

    def passed(self, when: str, kind: str, detail: str) -> None:
        """The process is here now."""
        self.number += 1
        os.write(self._log, f"{when} {kind} {detail}\n".encode())
        if self.number == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, kind: str, detail: str, call: Callable[[], Any]) -> Any:
        """Do it between two boundaries."""
        self.passed(BEFORE, kind, detail)
        result = call()
        self.passed(AFTER, kind, detail)
        return result


def watch(boundaries: Boundaries, broker: Broker) -> None:
    """Have this process pass a boundary before and after all that others can see of it."""
    _watch_commits(boundaries)
    _watch_authorities(boundaries)
    _replace(EmailMessage, "send", boundaries, MAIL)

    def publish(task: Task, args: tuple[str, ...], **_options: Any) -> None:
        name = str(task.name)
        boundaries.around(BROKER, name, lambda: broker.publish(name, *args))

    Task.apply_async = publish
    queue.length = broker.length


def _watch_commits(boundaries: Boundaries) -> None:
    """Of transactions, and of single statements outside of any."""
    _replace(BaseDatabaseWrapper, "_commit", boundaries, COMMIT)

    def statement(execute: Any, sql: str, *more: Any) -> Any:
        if connection.in_atomic_block or not WRITES.match(sql):
            return execute(sql, *more)
        return boundaries.around(COMMIT, sql.split()[0], lambda: execute(sql, *more))

    connection.execute_wrappers.append(statement)


def _watch_authorities(boundaries: Boundaries) -> None:
    names = {name for protocol in CALLS for name in vars(protocol) if not name.startswith("_")} - FROM_MEMORY
    for alias in settings.CA_CONNECTORS:
        instance = registry.connector(alias)
        for name in sorted(names):
            if hasattr(instance, name):
                _replace(instance, name, boundaries, CA)


def _replace(owner: Any, name: str, boundaries: Boundaries, kind: str) -> None:
    original = getattr(owner, name)

    def watched(*args: Any, **options: Any) -> Any:
        return boundaries.around(kind, name, lambda: original(*args, **options))

    setattr(owner, name, watched)
