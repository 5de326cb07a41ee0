"""A whole installation, started and stopped as an operator does: web process, worker, beat, broker."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.performance.place import ROOT

FIRST_PAGE = "/account/login/"
START_SECONDS = 300
STOP_SECONDS = 60
LOOK_SECONDS = 0.02


@contextmanager
def running() -> Iterator[float]:
    """`manage.py run` in our environment; yields how many seconds passed from its start to the first page."""
    log = Path(os.environ["VAR_DIR"]) / "bench.log"
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_for_first_page(process, int(os.environ["HTTP_PORT"]), log)
            yield time.perf_counter() - began
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(timeout=STOP_SECONDS)


def wait_for_first_page(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while status(port) != http.HTTPStatus.OK:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"It did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(LOOK_SECONDS)


def status(port: int) -> int:
    """What the first page answers; 0 while nobody does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", FIRST_PAGE, headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
