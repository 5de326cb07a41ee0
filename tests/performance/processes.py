"""Processes of a benchmark: on which cores they run, what they have used, and that none is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from tests.performance.place import ROOT

PROC = Path("/proc")
STOP_SECONDS = 20
TICKS = os.sysconf("SC_CLK_TCK")


def cores() -> list[int]:
    """The cores that this process may use; empty where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin(pids: Iterable[int], to: Iterable[int]) -> None:
    """Have these processes, and what they start later, run on these cores alone, where that is possible."""
    wanted = set(to)
    if not wanted or not hasattr(os, "sched_setaffinity"):
        return
    for pid in pids:
        for thread in _threads(pid):
            try:
                os.sched_setaffinity(thread, wanted)
            except (ProcessLookupError, PermissionError):
                continue


def _threads(pid: int) -> list[int]:
    try:
        return [int(each.name) for each in (PROC / str(pid) / "task").iterdir()]
    except OSError:
        return [pid]


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for each in PROC.glob("[0-9]*/stat"):
        fields = _stat(int(each.parent.name))
        if fields:
            children.setdefault(int(fields[1]), []).append(int(each.parent.name))
    return list(_below(pid, children))


def parent(pid: int) -> int:
    """Who started the process; 0 where that is not to be found out."""
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _below(pid: int, children: dict[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, []):
        yield from _below(child, children)


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of these processes, and of those of their children that have ended."""
    ticks = 0
    for pid in pids:
        fields = _stat(pid)
        ticks += sum(map(int, fields[11:15])) if fields else 0
    return ticks / TICKS


def wants_a_core(pid: int) -> bool:
    """One of its threads runs now, or would if a core were free."""
    return any((_stat(thread) or "-")[0] == "R" for thread in _threads(pid))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (proc(5)); empty where the process has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def peak_memory_mb(pid: int) -> float:
    """The most memory that the process has had at once, shared pages included; 0 where it has ended."""
    try:
        lines = (PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    sizes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return sizes[0] / 1024 if sizes else 0.0


def worker(
    log: Path, *, queue: str, number: int, app: str = "identity_manager", own_session: bool = False
) -> "subprocess.Popen[bytes]":
    """A worker of Celery for one queue, with so many processes."""
    command = ["celery", "--quiet", "--app", app, "worker", "--pool", "prefork", "--queues", queue]
    command += ["--concurrency", str(number), "--loglevel", "ERROR"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", *command],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            start_new_session=own_session,
        )


def stop(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """End a process that began a session of its own, and whatever is left of that session."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOP_SECONDS)
    for last in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, last)
        except (ProcessLookupError, PermissionError):
            break
    process.wait(timeout=STOP_SECONDS)


def stop_all(process: "subprocess.Popen[bytes]") -> None:
    """The same for a process whose children began sessions of their own."""
    children = family(process.pid)[1:]
    stop(process)
    for pid in children:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
