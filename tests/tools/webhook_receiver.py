"""Somebody else's HTTPS server, which webhooks are sent to: keeps what it gets, answers as it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.interop.tls_certificates import Authority, server_context

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
    authority = Authority.make("Receivers")
    trusted = authority.bundle(folder)
    receiver = Receiver(0, str(trusted))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posted.append(
                Posted(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            )
            if receiver.answer is not None:
                receiver.answer(self)
                return
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = server_context(authority.server(folder, "127.0.0.1"))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
