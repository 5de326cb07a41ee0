"""Process supervisor: starts programs in order, relays their output, stops them together.

Single-threaded: one loop reads output, notices exits, and handles signals. Only the standard library, because
this file is also the program that hand_over() leaves the running programs to.
"""

import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any, TextIO

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TICK_SECONDS = 0.2
SAME_REQUEST_SECONDS = 0.5
PR_SET_PDEATHSIG = 1  # prctl(2)
READ_BYTES = 65536
LAST_LINES = 15


class StartError(Exception):
    """A program exited or did not become ready. The text is for people."""


@dataclass(frozen=True)
class Program:
    """Command and stop time-out (seconds) of a program.

    relayed: whether its output is shown; on an unexpected exit its last lines are shown in any case.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    stop_seconds: float = 10.0
    relayed: bool = True


class _Adopted:
    """A child of this process that was started before execve(2) replaced its program; speaks as a Popen."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self.stdout = os.fdopen(descriptor, "rb", buffering=0)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._collect(os.WNOHANG)

    def wait(self) -> int | None:
        return self._collect(0)

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _collect(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


_Process = subprocess.Popen[bytes] | _Adopted


@dataclass
class _Running:
    program: Program
    process: _Process
    unfinished_line: bytes = b""
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))

    def alive(self) -> bool:
        return self.process.poll() is None


@dataclass
class Supervisor:
    """Starts programs, and stops them in reverse order.

    directory: working directory.  inherited: file descriptors passed on (a lock, say).
    """

    directory: Path
    inherited: tuple[int, ...] = ()
    output: TextIO = field(default_factory=lambda: sys.stdout)
    _running: list[_Running] = field(default_factory=list)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _stop_requests: int = 0
    _last_request: float = float("-inf")

    def catch_signals(self) -> None:
        """SIGINT, SIGTERM and SIGHUP request a stop; the second one an immediate stop."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Count a signal once though it may arrive twice: from the terminal and from make."""
        now = time.monotonic()
        if now - self._last_request > SAME_REQUEST_SECONDS:
            self._stop_requests += 1
        self._last_request = now

    @property
    def stopping(self) -> bool:
        """Whether a stop was requested."""
        return self._stop_requests > 0

    def start(self, program: Program) -> None:
        """Start the program in its own session, so that Ctrl-C reaches the supervisor alone."""
        process = subprocess.Popen(  # noqa: S603 the arguments are this module's callers' constants
            program.arguments,
            cwd=self.directory,
            pass_fds=self.inherited,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 this process has one thread
        )
        self._watch(_Running(program, process))

    def _watch(self, running: _Running) -> None:
        self._running.append(running)
        self._selector.register(_stdout(running), selectors.EVENT_READ, running)

    def wait_until(self, ready: Callable[[], bool], *, what: str, seconds: float) -> bool:
        """Relay output until ready() is true; False where a stop was requested meanwhile.

        Raises StartError when a program exits or the time is over.
        """
        deadline = time.monotonic() + seconds
        while not self.stopping:
            if ready():
                return True
            self._relay(TICK_SECONDS / 4)
            self._raise_if_ended()
            if time.monotonic() > deadline:
                raise StartError(f"{what} was not ready after {seconds:.0f} seconds.")
        return False

    def run_until_stopped(self) -> None:
        """Relay output until a stop is requested. Raises StartError when a program exits."""
        while not self.stopping:
            self._relay(TICK_SECONDS)
            self._raise_if_ended()

    def hand_over(self) -> None:
        """Replace this process by a program that only watches, in a sixth of the memory.

        Programs and their output, inherited descriptors and the process id stay. It ends with the line
        "Stopped." and status 0 after a stop, with a sentence and status 1 where a program exits. Returns only
        where a stop was requested before.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # one that comes now waits for that program
        if self.stopping:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            return
        with tempfile.TemporaryFile() as state:
            state.write(json.dumps([_state_of(running) for running in self._running]).encode())
            state.seek(0)
            outputs = (_stdout(running).fileno() for running in self._running)
            for descriptor in (state.fileno(), *self.inherited, *outputs):
                os.set_inheritable(descriptor, True)  # noqa: FBT003 positional alone
            self.output.flush()
            # -P and -S: the standard library alone.
            program = [sys.executable, "-P", "-S", __file__, str(state.fileno())]
            os.execv(sys.executable, program)  # noqa: S606 there is no shell, and no input of anybody

    def adopt(self, states: list[dict[str, Any]]) -> None:
        """Watch what another program of this process has started and handed over."""
        for state in states:
            program = Program(state["name"], (), {}, state["stop_seconds"], state["relayed"])
            running = _Running(program, _Adopted(state["pid"], state["output"]))
            running.unfinished_line = state["unfinished_line"].encode("latin-1")
            running.last_lines.extend(state["last_lines"])
            self._watch(running)

    def stop(self) -> None:
        """Stop all programs in reverse order, including their process groups."""
        while self._running:
            self._stop_one(self._running[-1])
            self._running.pop()

    def _stop_one(self, running: _Running) -> None:
        _signal_group(running.process, signal.SIGTERM, whole_group=False)
        deadline = time.monotonic() + running.program.stop_seconds
        while running.alive() and time.monotonic() < deadline and self._stop_requests <= 1:
            self._relay(TICK_SECONDS / 4)
        _signal_group(running.process, signal.SIGKILL, whole_group=True)
        running.process.wait()
        self._read(running)
        self._forget(running)

    def _forget(self, running: _Running) -> None:
        self._finish_line(running)
        if _stdout(running) in self._selector.get_map():
            self._selector.unregister(_stdout(running))
        _stdout(running).close()

    def _raise_if_ended(self) -> None:
        for running in self._running:
            if not running.alive():
                self._read(running)
                self._finish_line(running)
                raise StartError(_end_of(running))

    def _relay(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            self._read(key.data)

    def _read(self, running: _Running) -> None:
        """Relay complete lines."""
        stream = _stdout(running)
        while data := _available(stream):
            *lines, running.unfinished_line = (running.unfinished_line + data).split(b"\n")
            for line in lines:
                self._take(running, line)
        if data == b"" and stream in self._selector.get_map():
            self._selector.unregister(stream)

    def _finish_line(self, running: _Running) -> None:
        """Relay a last line without a newline."""
        if running.unfinished_line:
            self._take(running, running.unfinished_line)
            running.unfinished_line = b""

    def _take(self, running: _Running, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        running.last_lines.append(text)
        if running.program.relayed:
            self._show(running.program.name, text)

    def _show(self, name: str, line: str) -> None:
        try:
            self.output.write(f"{name:<7}| {line}\n")
            self.output.flush()
        except BrokenPipeError:
            self._stop_requests += 1  # nobody reads any more: the terminal has gone


def _state_of(running: _Running) -> dict[str, Any]:
    """State of a program that adopt() needs."""
    return {
        "name": running.program.name,
        "stop_seconds": running.program.stop_seconds,
        "relayed": running.program.relayed,
        "pid": running.process.pid,
        "output": _stdout(running).fileno(),
        "unfinished_line": running.unfinished_line.decode("latin-1"),
        "last_lines": list(running.last_lines),
    }


def _end_of(running: _Running) -> str:
    """Exit status and last lines of a program."""
    ending = f"{running.program.name} ended by itself with status {running.process.returncode}."
    if not running.last_lines:
        return f"{ending} It wrote nothing."
    return "\n  ".join((f"{ending} Its last lines:", *running.last_lines))


def _stdout(running: _Running) -> IO[bytes]:
    stream = running.process.stdout
    assert stream is not None  # noqa: S101 Popen was given PIPE
    return stream


def _available(stream: IO[bytes]) -> bytes | None:
    """Output that can be read now: None for nothing yet, empty at the end."""
    os.set_blocking(stream.fileno(), False)
    try:
        return os.read(stream.fileno(), READ_BYTES)
    except BlockingIOError:
        return None


def _signal_group(process: _Process, number: signal.Signals, *, whole_group: bool) -> None:
    """Signal the program or its whole process group."""
    try:
        if whole_group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except (ProcessLookupError, PermissionError):
        return


def _end_with_parent() -> None:
    """In the child: PR_SET_PDEATHSIG, SIGTERM when the supervisor dies (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main(state: int) -> int:
    """The program that hand_over() begins. state: the descriptor of its file. Returns the exit status."""
    supervisor = Supervisor(Path.cwd())
    with os.fdopen(state, "rb") as stream:
        supervisor.adopt(json.load(stream))
    supervisor.catch_signals()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    try:
        supervisor.run_until_stopped()
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        supervisor.stop()
    sys.stdout.write("Stopped.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
