"""Postfix's smtp-sink: a mail server not written in Python, which refuses what it is told to refuse."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_django import Settings

from identity_manager.mail import sending
from identity_manager.models import OutgoingMail
from tests.tools.running import free_port, listens, running

SMTP = "django.core.mail.backends.smtp.EmailBackend"
PROGRAM = "smtp-sink"
PATIENCE = 10.0  # seconds until it listens
# What it writes above a message: who sent it, and to whom.
ENVELOPE = (b"X-Client-Addr:", b"X-Client-Proto:", b"X-Helo-Args:", b"X-Mail-Args:", b"X-Rcpt-Args:")


class Sink:
    """One running server; what it took lies in a directory of its own, one file for each transaction."""

    def __init__(self, port: int, directory: Path) -> None:
        self.port = port
        self._directory = directory

    def taken(self) -> list[bytes]:
        """The messages whose end it saw, in any order, without what it wrote above them."""
        return [_message(path.read_bytes()) for path in self._whole()]

    def recipients(self) -> list[str]:
        """The addresses of the envelopes."""
        return [line[14:].strip().decode() for line in self._lines(b"X-Rcpt-Args:")]

    def _lines(self, name: bytes) -> list[bytes]:
        files = [path.read_bytes().splitlines() for path in self._whole()]
        return [line for lines in files for line in lines[:10] if line.startswith(name)]

    def _whole(self) -> list[Path]:
        return [path for path in sorted(self._directory.iterdir()) if path.stat().st_size]


@contextmanager
def smtp_sink(directory: Path, *options: str, port: int = 0) -> Iterator[Sink]:
    """A server with these options (see its manual), on that port or a free one."""
    place = directory / f"sink-{len(list(directory.glob('sink-*')))}"
    place.mkdir()
    port = port or free_port()
    # A process of root has to name whom it becomes; it stays who it is, for the directory is the test's.
    user = ["-u", "root"] if os.geteuid() == 0 else []
    command = [PROGRAM, *user, *options, "-d", f"{place}/%H%M%S.", f"127.0.0.1:{port}", "16"]
    with running(command, log=place.with_suffix(".log"), up=lambda: listens(port), within=PATIENCE):
        yield Sink(port, place)


def use_smtp(settings: Settings, port: int, *, host: str = "127.0.0.1") -> None:
    """Send to this server, without TLS, with little patience."""
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, host, port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_TIMEOUT = 5


def on_the_wire(settings: Settings, directory: Path, mails: list[OutgoingMail]) -> list[bytes]:
    """What a server gets that understands no 8-bit text: every one of the mails, in their order."""
    messages = []
    with smtp_sink(directory, "-8") as sink:
        use_smtp(settings, sink.port)
        for mail in mails:
            before = set(sink.taken())
            sending.send(mail)
            (message,) = set(sink.taken()) - before
            messages.append(message)
    return messages


def _message(dumped: bytes) -> bytes:
    """Without the envelope and the Received header of the sink, and the line end that it adds."""
    lines = dumped.split(b"\n")
    while lines and lines[0].startswith(ENVELOPE):
        del lines[0]
    if lines and lines[0].startswith(b"Received:"):
        del lines[0]
        while lines and lines[0][:1] in (b"\t", b" "):
            del lines[0]
    return b"\n".join(lines)
