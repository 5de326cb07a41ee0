"""Somebody else's HTTPS server, which webhooks are sent to: keeps what it gets, answers as it is told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.interop.tls_certificates import certified, server_context
from tests.tools.http_server import Handler, serving

Answering = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Posted:
    """One message as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """The server. answer: what it does with the next messages; statuses: of the next ones, then 204."""

    port: int
    trusted: str
    posted: list[Posted] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    answer: Answering | None = None
    connections: int = 0

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.port}/hooks/in"


@contextmanager
def running(folder: Path) -> Iterator[Receiver]:
    tls = server_context(certified(folder, "127.0.0.1"))
    receiver = Receiver(0, str(folder / "trusted.pem"))

    class Hooks(Handler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.posted.append(Posted(self.path, headers, self.body()))
            if receiver.answer is not None:
                receiver.answer(self)
                return
            self.answer(receiver.statuses.pop(0) if receiver.statuses else 204, **receiver.headers)

    with serving(Hooks, tls=tls) as receiver.port:
        yield receiver
