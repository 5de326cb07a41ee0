"""What `make run` costs while nobody does anything: processor time and memory of all its processes.

Of a prepared installation, after WARM_UP_SECONDS in which workers load what they need and make their keys.
Memory is the proportional set size (proc_pid_smaps(5)): what processes share counts once. PostgreSQL is not
counted: it is no process of `make run`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

from tests.performance import processes
from tests.performance.installation import running
from tests.performance.place import ROOT

WARM_UP_SECONDS = 30


def measured(seconds: float) -> dict[str, Any]:
    """Of all processes that this one has started."""
    subprocess.run([sys.executable, "manage.py", "prepare"], cwd=ROOT, check=True)
    with running():
        time.sleep(WARM_UP_SECONDS)
        return used(seconds)


def used(seconds: float) -> dict[str, Any]:
    """By all processes that this one has started."""
    pids = processes.family(os.getpid())[1:]
    cpu, began = processes.cpu_seconds(pids), time.monotonic()
    time.sleep(seconds)
    a_second = (processes.cpu_seconds(pids) - cpu) / (time.monotonic() - began)
    figures = {"idle_cpu_s": 60 * a_second, "idle_pss_mb": proportional_memory_mb(pids)}
    return {"figures": figures, "processes": len(pids)}


def proportional_memory_mb(pids: Iterable[int]) -> float:
    """The memory of these processes, each page divided by how many share it. Of those that still run."""
    kilobytes = 0
    for pid in pids:
        try:
            lines = (processes.PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024
