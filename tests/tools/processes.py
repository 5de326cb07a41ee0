"""Processes of their own, made by fork, that work on the test's database and end with their work."""

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, connections


@dataclass(frozen=True)
class Ending:
    """How a process ended: by itself, with what went wrong in it, or by a signal."""

    signal: int = 0
    trouble: str = ""


def let_go() -> None:
    """Close this process's connections: what is forked must share none."""
    connections.close_all()
    if connection.vendor == "postgresql":
        connection.close_pool()


def use(name: str) -> None:
    """Work on the database of that name. Without a pool: its threads do not survive a fork."""
    let_go()
    described = connection.settings_dict
    described["NAME"] = name
    described["OPTIONS"] = {key: value for key, value in described["OPTIONS"].items() if key != "pool"}


def in_a_process(work: Callable[[], Any]) -> Ending:
    """Do the work in a process of its own, and say how that ended."""
    (ending,) = at_once(work)
    return ending


def at_once(*works: Callable[[], Any]) -> list[Ending]:
    """Do each of them in a process of its own, all from the same moment on; say how each ended."""
    let_go()
    gate, opener = os.pipe()
    started = [_start(work, gate=gate, opener=opener) for work in works]
    os.close(gate)
    os.close(opener)  # whoever waits at the gate reads its end now
    return [_ending(*each) for each in started]


def _start(work: Callable[[], Any], *, gate: int, opener: int) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.close(opener)
    try:
        use(str(connection.settings_dict["NAME"]))
        os.read(gate, 1)
        work()
    except BaseException:  # noqa: BLE001 told to the parent
        os.write(writing, traceback.format_exc()[-8000:].encode())
    finally:
        os._exit(0)


def _ending(pid: int, reading: int) -> Ending:
    with os.fdopen(reading, "rb") as pipe:
        trouble = pipe.read().decode(errors="replace")
    _pid, status = os.waitpid(pid, 0)
    return Ending(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, trouble)
