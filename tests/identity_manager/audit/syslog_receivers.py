"""Receivers as a log host has them: UDP, TCP with octet counting, and the sockets of a machine itself."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

# RFC 5424 6: HEADER SP STRUCTURED-DATA SP MSG, each field with its own length and letters.
LINE = re.compile(
    r"<(?P<priority>\d{1,3})>1 (?P<moment>\S+) (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) "
    r"(?P<process>[!-~]{1,128}) (?P<kind>[!-~]{1,32}) - (?P<text>.*)",
    re.DOTALL,
)
LOCAL = re.compile(r"<(?P<priority>\d{1,3})>(?P<app>[\w-]+): (?P<text>.*)", re.DOTALL)
PATIENCE = 5.0


@dataclass
class Received:
    """Messages as they came, one each."""

    target: str
    messages: list[bytes] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)

    def take(self, message: bytes) -> None:
        self.messages.append(message)
        self.came.set()

    def lines(self) -> list[dict[str, str]]:
        """Parsed, after at least one has come. AssertionError for what is no syslog line."""
        assert self.came.wait(PATIENCE)
        pattern = LOCAL if self.target.startswith("/") else LINE
        found = [pattern.fullmatch(message.decode("utf-8")) for message in self.messages]
        assert all(found), self.messages
        return [match.groupdict() for match in found if match]


def moment_of(line: dict[str, str]) -> datetime:
    """RFC 5424 6.2.3."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", line["moment"])
    return datetime.fromisoformat(line["moment"])


@contextmanager
def datagrams(path: Path | None = None) -> Iterator[Received]:
    """By UDP, or at a socket of this machine, as journald has it."""
    family = socket.AF_UNIX if path else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path) if path else ("127.0.0.1", 0))
        received = Received(str(path) if path else f"127.0.0.1:{receiver.getsockname()[1]}")
        ended = threading.Event()

        def listen() -> None:
            receiver.settimeout(0.05)
            while not ended.is_set():
                with suppress(TimeoutError):
                    received.take(receiver.recv(65536))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield received
        finally:
            ended.set()
            thread.join()


@contextmanager
def stream(path: Path | None = None) -> Iterator[Received]:
    """By TCP, or at a stream socket of this machine, where a NUL ends each line."""
    family = socket.AF_UNIX if path else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind(str(path) if path else ("127.0.0.1", 0))
        listener.listen()
        received = Received(str(path) if path else f"127.0.0.1:{listener.getsockname()[1]}")

        def accept() -> None:
            with suppress(OSError), listener.accept()[0] as connection:
                connection.settimeout(PATIENCE)
                everything = b"".join(iter(lambda: connection.recv(65536), b""))
                for message in everything.split(b"\0")[:-1] if path else _frames(everything):
                    received.take(message)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield received
        listener.close()


def _frames(everything: bytes) -> Iterator[bytes]:
    """RFC 6587 3.4.1: MSG-LEN SP SYSLOG-MSG, again and again."""
    while everything:
        length, _space, rest = everything.partition(b" ")
        assert length.isdigit()
        yield rest[: int(length)]
        everything = rest[int(length) :]
