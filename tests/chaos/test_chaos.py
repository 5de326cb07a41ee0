"""The short form of `make chaos`: a few requests, half a minute of faults, the whole verdict."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from tests.performance.place import KEPT, ROOT
from tests.performance.processes import family

REQUESTS = 12
SEED = 7


def command() -> list[str]:
    """On the engine of this run of the tests."""
    wishes = ["--number", str(REQUESTS), "--seed", str(SEED), "--engine", connection.vendor]
    return [sys.executable, "-m", "tests.chaos", *wishes]


def environment(**more: str) -> dict[str, str]:
    return {name: os.environ[name] for name in KEPT if name in os.environ} | more


@pytest.mark.nightly
@pytest.mark.database
@pytest.mark.timeout(600)  # on a machine that has other work
def test_nothing_is_lost_and_nothing_is_there_twice() -> None:
    done = subprocess.run(command(), cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    last = re.fullmatch(r"lost 0, double 0, parked (\d+), finished (\d+)", done.stdout.splitlines()[-1])
    assert last is not None, done.stdout
    assert sum(map(int, last.groups())) == REQUESTS
    injected = re.search(r"together +(\d+)", done.stdout)
    assert injected is not None
    assert int(injected[1]) >= REQUESTS // 2


@pytest.mark.nightly
@pytest.mark.timeout(120)
def test_told_to_end_it_takes_its_run_along(tmp_path: Path) -> None:
    process = subprocess.Popen(command(), cwd=ROOT, env=environment(TMPDIR=str(tmp_path)))
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("im-chaos-*/i")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    started = family(process.pid)[1:]
    process.send_signal(signal.SIGTERM)

    assert process.wait() not in (0, -signal.SIGTERM)
    assert started
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
