"""A private broker for a test, as `make run` starts it."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from identity_manager.management.embedded import Broker
from tests.tools.running import end, until

START_SECONDS = 10


@contextmanager
def running_broker(executable: str, *more: str) -> Iterator[Broker]:
    """Yield a broker that answers; nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="im-") as directory:
        broker = Broker(executable, Path(directory), Path(directory) / "b.sock")
        process = started(broker, *more)
        try:
            yield broker
        finally:
            end(process)


# Options that follow others win over them.
PERSISTENT = ("--appendonly", "yes")


def started(broker: Broker, *more: str) -> "subprocess.Popen[bytes]":
    """Its process, once it answers; its output lies in a file of its directory."""
    with (broker.directory / "broker.log").open("ab") as log:
        process = subprocess.Popen((*broker.arguments, *more), stdout=log, stderr=subprocess.STDOUT)
    until(broker.answers, "the broker", seconds=START_SECONDS)
    return process
