"""A broker goes away while every process of a worker is busy: the worker fetches work again afterwards.

Its tasks end when nobody can be told that they have. Without acknowledgement.py of
identity_manager/config/broker the worker would wait for ever for the room that their messages take, and burn
a core meanwhile. Without heartbeats.py it would not hear that they have ended, nor that it is told to end.
"""

import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from identity_manager.management.embedded import Broker, server_executable
from tests.cluster.cluster import Cluster, prepared, worker
from tests.performance.processes import cpu_seconds
from tests.tools.broker import PERSISTENT, started

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]
NOT_ACKNOWLEDGED = "Couldn't ack"
LOOK_SECONDS = 4  # two heartbeats
END_SECONDS = 20


class Valkey:
    """A broker that can be killed and started again with what it held."""

    def __init__(self, directory: Path) -> None:
        self._broker = Broker(server_executable(), directory, directory / "b.sock")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self._broker.url

    def start(self) -> None:
        self._process = started(self._broker, *PERSISTENT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def valkey() -> Iterator[Valkey]:
    with tempfile.TemporaryDirectory(prefix="im-") as directory:
        server = Valkey(Path(directory))
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def all_claims_wait(cluster: Cluster) -> Iterator[None]:
    """Nobody else can write to the database: a task that wants to waits until this is over."""
    with closing(sqlite3.connect(cluster.directory / "data" / "db.sqlite3", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            writer.execute("ROLLBACK")


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_who_could_not_say_that_a_task_is_done_fetches_the_next_one_and_ends_when_told(pool: str) -> None:
    with valkey() as broker, prepared("", broker.url, pages=False) as cluster:
        parent = cluster.start(*worker(pool, 1))
        cluster.do("order", numbers=[1])
        assert cluster.do("finished", number=1)["tokens"] == {"sealed": 1}
        _replace_the_process(cluster, parent.pid)
        with all_claims_wait(cluster):
            _give_work_and_lose_the_broker(cluster, broker)
        cluster.wait_for(lambda: NOT_ACKNOWLEDGED in cluster.log(), "a task that ends")
        broker.start()

        cluster.do("order", numbers=[2])
        assert cluster.do("finished", number=2)["tokens"] == {"sealed": 2}

        before = cpu_seconds([parent.pid])
        time.sleep(LOOK_SECONDS)
        assert cpu_seconds([parent.pid]) - before < LOOK_SECONDS / 2

        with all_claims_wait(cluster):
            _give_work_and_lose_the_broker(cluster, broker)
        parent.terminate()
        assert parent.wait(timeout=END_SECONDS) == 0


def _give_work_and_lose_the_broker(cluster: Cluster, broker: Valkey) -> None:
    """While a task waits, there are heartbeats before and after."""
    cluster.do("nudge")
    time.sleep(LOOK_SECONDS)
    broker.kill()
    time.sleep(LOOK_SECONDS)


def _replace_the_process(cluster: Cluster, parent: int) -> None:
    """One that is forked later has inherited the connection to the broker."""
    for child in psutil.Process(parent).children():
        child.kill()
        cluster.wait_for(lambda gone=child.pid: _others(parent, gone), "another process")


def _others(parent: int, gone: int) -> bool:
    return any(child.pid != gone for child in psutil.Process(parent).children())
