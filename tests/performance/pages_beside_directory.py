"""How long pages of both portals take while a directory source is read, beside the same pages before.

An installation of its own, filled anew, because a run adds persons. gunicorn serves the pages; another
process runs the source as a worker of `bulk` does, with its weight (directory.py): all persons of an OpenLDAP
server come, then 1,000 change. The four people of pages.py click through their pages meanwhile, each page a
moment after the last, and the server's time of each page counts. They do not click as fast as they can, as
there: then pages would wait for each other.
"""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.performance import directory, pages, part, place, processes, stock

PAUSE_SECONDS = 0.05
# What deploy/ gives the worker of `bulk` beside 100 of the others (CPUWeight=20), as a nice value.
NICE = 7


def measured(rows: int, persons: int, seconds: float) -> dict[str, Any]:
    """For each part the server's milliseconds of its pages; and how long the runs took."""
    (Path(os.environ["VAR_DIR"]) / place.STOCK_MARK).unlink(missing_ok=True)
    stock.fill(rows)
    log, port = Path(os.environ["VAR_DIR"]) / "access.log", int(os.environ["HTTP_PORT"])
    visitors = pages.visitors()
    found: dict[str, Any] = {}

    def click(name: str, until: Callable[[], bool]) -> None:
        before = len(pages.answered(log))
        pages.clicked(visitors, port, until=until, pause=PAUSE_SECONDS)
        lines = pages.answered(log)[before:]
        found[name] = {"p95_ms": pages.p95_ms(lines), "by_path": pages.means_by_path(lines)}

    with pages.served(log, port), worker(persons) as process:
        pages.clicked(visitors, port, until=pages.passed(pages.WARM_UP_SECONDS))
        expect(process, directory.READY)
        click("alone", pages.passed(seconds))
        click("new", begun(process))
        expect(process, directory.READY)
        click("changes", begun(process))
        process.wait(timeout=processes.STOP_SECONDS)
    beside = max(found[name]["p95_ms"] for name in ("new", "changes"))
    ratio = beside / found["alone"]["p95_ms"]
    figures = {"page_beside_sync_p95_ms": beside, "page_beside_sync_ratio": ratio}
    runs = json.loads(_report_of_runs().read_text(encoding="utf-8"))
    return {"figures": figures, **found, "runs": runs}


@contextmanager
def worker(persons: int) -> Iterator["subprocess.Popen[str]"]:
    """The process that runs the source."""
    options = ("--have", part.TABLES, "--out", str(_report_of_runs()))
    _report_of_runs().unlink(missing_ok=True)
    process = part.started("directory.measured_when_asked", *options, own_session=True, number=persons)
    give_less_weight(process)
    try:
        yield process
    finally:
        processes.stop(process)


def give_less_weight(process: "subprocess.Popen[str]") -> None:
    """As little of a busy processor as a worker of `bulk` gets; Linux compares whole sessions (autogroup)."""
    os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
    session = Path(f"/proc/{process.pid}/autogroup")
    if session.exists():
        session.write_text(str(NICE), encoding="ascii")


def begun(process: "subprocess.Popen[str]") -> Callable[[], bool]:
    """Begin a run; returns whether it has ended."""
    part.tell(process, "run")
    waiting = threading.Thread(target=expect, args=(process, directory.ENDED))
    waiting.start()
    return lambda: not waiting.is_alive()


def expect(process: "subprocess.Popen[str]", word: str) -> None:
    """Wait for the word. RuntimeError: the process said something else, or ended."""
    if (said := part.heard(process)) != word:
        raise RuntimeError(f"The run said {said!r} instead of {word!r}")


def _report_of_runs() -> Path:
    return Path(os.environ["VAR_DIR"]) / "runs.json"
