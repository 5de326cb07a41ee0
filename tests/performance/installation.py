"""A whole installation, started and stopped as an operator does: web process, worker, beat, broker."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.performance.place import ROOT
from tests.performance.timing import percentile
from tests.tools import running as programs

START_SECONDS = 300
STOP_SECONDS = 60
LOOK_SECONDS = 0.02


@contextmanager
def running() -> Iterator[float]:
    """`manage.py run` in our environment; yields how many seconds passed from its start to the first page."""
    port, log = int(os.environ["HTTP_PORT"]), Path(os.environ["VAR_DIR"]) / "bench.log"
    command = [sys.executable, "manage.py", "run"]
    began = time.perf_counter()
    with programs.running(command, log=log, end_within=STOP_SECONDS, group=True, cwd=ROOT) as process:
        programs.until(
            lambda: programs.status(port) == HTTPStatus.OK,
            "manage.py run",
            seconds=START_SECONDS,
            process=process,
            log=log,
            step=LOOK_SECONDS,
        )
        yield time.perf_counter() - began


def restarted(times: int) -> dict[str, Any]:
    """Seconds from each start to the first page; one more start prepares the installation before them."""
    samples = []
    for _each in range(times + 1):
        with running() as seconds:
            samples.append(seconds)
    return {"figures": {"restart_p95_s": percentile(samples[1:], 95)}, "seconds": samples[1:]}
