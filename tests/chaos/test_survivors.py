"""A worker that fetches nothing is found, and a process that takes a core for nothing."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from celery import Celery

from identity_manager.management.embedded import server_executable
from tests.chaos import survivors
from tests.chaos.processes import Process
from tests.tools.broker import running_broker

pytestmark = pytest.mark.nightly
ON_ONE_CORE = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
FETCHES = """
import kombu, sys
with kombu.Connection(sys.argv[1]) as connection, connection.SimpleQueue(sys.argv[2]) as queue:
    queue.get().ack()
"""


@contextmanager
def running(name: str, directory: Path, program: str, *arguments: str) -> Iterator[Process]:
    process = Process(name, (sys.executable, "-c", program, *arguments), {}, directory / "log")
    process.start()
    try:
        yield process
    finally:
        process.kill()


def test_who_fetches_nothing_is_found(tmp_path: Path) -> None:
    with running_broker(server_executable()) as broker:
        app = Celery(broker=broker.url, set_as_current=False)  # the product's stays the one of this process
        with (
            running("worker-1", tmp_path, FETCHES, broker.url, "worker-1") as good,
            running("worker-2", tmp_path, "import time; time.sleep(60)") as bad,
        ):
            found = list(survivors.deaf([good, bad], app, seconds=5))

    assert found == ["worker-2 runs and fetches nothing from the broker"]


@pytest.mark.parametrize(
    ("program", "number"),
    [("while True: pass", 1), ("import time; time.sleep(600)", 0)],
    ids=["busy for nothing", "waits"],
)
@pytest.mark.parametrize("others", [0, 3], ids=["alone", "others want the core"])
def test_who_takes_a_core_for_nothing_is_found(
    tmp_path: Path, program: str, number: int, others: int
) -> None:
    with ExitStack() as stack:
        for place in range(others):
            stack.enter_context(running(f"other-{place}", tmp_path, f"{ON_ONE_CORE}while True: pass"))
        begun = tmp_path / "begun"
        watched = f"{ON_ONE_CORE}open({str(begun)!r}, 'x').close()\n{program}"
        process = stack.enter_context(running("worker-1", tmp_path, watched))
        wait_for(begun)
        assert len(survivors.restless([process], seconds=2)) == number


def wait_for(file: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not file.exists():
        assert time.monotonic() < deadline, file
        time.sleep(0.02)
