"""The short form of `make chaos`: a few requests, half a minute of faults, the whole verdict."""

import os
import re
import subprocess
import sys

import pytest
from django.db import connection

from tests.performance.place import KEPT, ROOT

REQUESTS = 12
SEED = 7


@pytest.mark.long
@pytest.mark.database
@pytest.mark.timeout(600)  # on a machine that has other work
def test_nothing_is_lost_and_nothing_is_there_twice() -> None:
    """On the engine of this run of the tests."""
    wishes = ["--number", str(REQUESTS), "--seed", str(SEED), "--engine", connection.vendor]
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *wishes],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    last = re.fullmatch(r"lost 0, double 0, parked (\d+), finished (\d+)", done.stdout.splitlines()[-1])
    assert last is not None, done.stdout
    assert sum(map(int, last.groups())) == REQUESTS
    injected = re.search(r"together +(\d+)", done.stdout)
    assert injected is not None
    assert int(injected[1]) >= REQUESTS // 2
