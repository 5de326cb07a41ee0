"""Programs that run beside a test: their ports, how they start, when they are ready, how they end."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
Process = subprocess.Popen[bytes]


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def listens(port: int, host: str = HOST) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def status(port: int, path: str = "/account/login/", *, host: str = "localhost") -> int:
    """What is answered by HTTP to whoever asks for this host; 0 while nobody answers."""
    with closing(http.client.HTTPConnection(HOST, port, timeout=10)) as connection:
        try:
            connection.request("GET", path, headers={"Host": host})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


def until(
    holds: Callable[[], Any],
    what: str,
    *,
    seconds: float,
    process: Process | None = None,
    log: Path | None = None,
    step: float = 0.05,
) -> None:
    """Wait; fails where the process ends before it holds, or so many seconds go by. log: is shown then."""
    deadline = time.monotonic() + seconds
    while not holds():
        has_ended = process is not None and process.poll() is not None
        if has_ended or time.monotonic() > deadline:
            said = log.read_text(errors="replace")[-3000:] if log else ""
            raise AssertionError(f"{what} {'has ended' if has_ended else 'takes too long'}: {said}")
        time.sleep(step)


def end(process: Process, *, seconds: float = 10, group: bool = False) -> None:
    """Terminate it, and kill it where it runs so many seconds later. group: with the group that it leads."""

    def send(number: signal.Signals) -> None:
        if group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)

    if process.poll() is None:
        send(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        send(signal.SIGKILL)
        process.wait()


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path | None = None,
    up: Callable[[], Any] | None = None,
    within: float = 10,
    end_within: float = 10,
    group: bool = False,
    **options: Any,
) -> Iterator[Process]:
    """The program, from the moment that it is up until the block ends. log: where its output is added.

    within, end_within: seconds. group: it leads a group of processes. options: of subprocess.Popen.
    """
    with log.open("ab") if log else nullcontext(subprocess.DEVNULL) as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=group,
            **options,
        )
    try:
        if up:
            until(up, command[0], seconds=within, process=process, log=log)
        yield process
    finally:
        end(process, seconds=end_within, group=group)
