"""The processes of a run: started, killed without a word, started again. Only what was started here."""

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from identity_manager.management.embedded import Broker, server_executable
from tests.chaos.place import AUDIT, PRIVATE, RINGS, ROOT, Place, without
from tests.tools.broker import PERSISTENT

STOP_SECONDS = 20


@dataclass
class Process:
    """One program of ours, in a process group of its own, so that its children go with it."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    _popen: "subprocess.Popen[bytes] | None" = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def alive(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int | None:
        """Of the one that was started last, while it runs."""
        return self._popen.pid if self._popen is not None and self.alive else None

    def start(self) -> None:
        """Start it, unless it runs."""
        with self._lock:
            if self.alive:
                return
            self._end_group()
            with self.log.open("ab") as output:
                self._popen = subprocess.Popen(
                    self.arguments,
                    env=self.environment,
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def kill(self) -> None:
        """kill -9, it and its children: as when the machine loses power."""
        with self._lock:
            self._end_group()

    def kill_parent(self) -> None:
        """kill -9, the parent alone: its children outlive it for a while."""
        if self._popen is not None and self.alive:
            self._popen.send_signal(signal.SIGKILL)
            self._popen.wait()

    def kill_child(self) -> bool:
        """kill -9 the youngest of its children; False where it has none."""
        children = self._children()
        if children:
            with suppress(psutil.NoSuchProcess):
                max(children, key=lambda child: child.create_time()).kill()
        return bool(children)

    def stop(self) -> None:
        """As an operator stops it; what is left of its group then is killed."""
        if self._popen is not None and self.alive:
            self._popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout=STOP_SECONDS)
        self.kill()

    def _children(self) -> list[psutil.Process]:
        if self._popen is None or not self.alive:
            return []
        with suppress(psutil.NoSuchProcess):
            return list(psutil.Process(self._popen.pid).children(recursive=True))
        return []

    def _end_group(self) -> None:
        if self._popen is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()


@dataclass(frozen=True)
class Fleet:
    """All processes of an installation, by kind."""

    broker: Process
    mail_server: Process
    webs: tuple[Process, ...]
    workers: tuple[Process, ...]
    beats: tuple[Process, ...]
    broker_socket: Path

    def all(self) -> tuple[Process, ...]:
        return (self.broker, self.mail_server, *self.webs, *self.workers, *self.beats)

    def start(self) -> None:
        for process in self.all():
            process.start()

    def flush_broker(self) -> None:
        """Every message is gone, and who has taken one is none the wiser."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, suppress(OSError):
            connection.settimeout(5)
            connection.connect(str(self.broker_socket))
            connection.sendall(b"FLUSHALL\r\n")
            connection.recv(16)

    def stop(self) -> None:
        """The last started first."""
        for process in reversed(self.all()):
            process.stop()


def broker_of(place: Place) -> Broker:
    """As `make run` has it: a Valkey on a socket alone."""
    return Broker(server_executable(), place.directory / "broker", place.directory / "run" / "broker.sock")


def fleet(place: Place, environment: dict[str, str]) -> Fleet:
    """Two of everything that may be doubled; of the workers, two with processes and one with threads.

    Each worker reads a queue of its own name, too (survivors.py).
    """
    program = broker_of(place).program()
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO")
    celery = (sys.executable, "-m", "celery", "--quiet", "--app", "identity_manager")

    def process(name: str, *arguments: str, rings: tuple[str, ...] = (), **more: str) -> Process:
        own = {**without(environment, rings), **more}
        return Process(name, arguments, own, place.logs / f"{name}.log")

    def worker(number: int, pool: str) -> Process:
        name = f"worker-{number}"
        return process(
            name,
            *celery,
            "worker",
            "--hostname",
            f"{name}@chaos",
            "--pool",
            pool,
            "--concurrency",
            "2",
            "--queues",
            f"ca,mail,bulk,{name}",
            *quiet,
        )

    def web(number: int, port: int) -> Process:
        gunicorn = (
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            "python:identity_manager.config.runtime.gunicorn",
        )
        bind = {"BIND": f"127.0.0.1:{port}", "WEB_PROCESSES": "1"}
        return process(f"web-{number}", *gunicorn, rings=(*PRIVATE, *AUDIT), **bind)

    def beat(number: int) -> Process:
        schedule = str(place.directory / "run" / f"beat-{number}")
        beat = ("beat", "--pidfile", "", "--schedule", schedule, "--loglevel", "INFO")
        return process(f"beat-{number}", *celery, *beat, rings=RINGS)

    return Fleet(
        # Persistent, because sinks.py reads in its file what it was told.
        broker=process("broker", *program.arguments, *PERSISTENT, rings=RINGS),
        mail_server=process("mail-server", sys.executable, "-m", "tests.chaos.post_office", rings=RINGS),
        webs=tuple(web(number, port) for number, port in enumerate(place.web_ports, 1)),
        workers=(worker(1, "prefork"), worker(2, "prefork"), worker(3, "threads")),
        beats=(beat(1), beat(2)),
        broker_socket=broker_of(place).socket_path,
    )
