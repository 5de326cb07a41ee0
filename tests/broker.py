"""A private broker for a test, as `make run` starts it."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from identity_manager.management.embedded import Broker

START_SECONDS = 10


@contextmanager
def running_broker(executable: str) -> Iterator[Broker]:
    """Yield a broker that answers; nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="im-") as directory:
        broker = Broker(executable, Path(directory), Path(directory) / "b.sock")
        process = started(broker)
        try:
            yield broker
        finally:
            process.terminate()
            process.wait(timeout=10)


def started(broker: Broker) -> "subprocess.Popen[bytes]":
    """Its process, once it answers."""
    process = subprocess.Popen(broker.arguments)
    deadline = time.monotonic() + START_SECONDS
    while not broker.answers():
        assert time.monotonic() < deadline, "the broker did not start"
        time.sleep(0.05)
    return process
