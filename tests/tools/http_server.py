"""Servers on loopback, most for HTTP, made of a handler, in threads of the test or a process of their own."""

import json
import ssl
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler
from typing import Any
from urllib.parse import parse_qs


class Handler(BaseHTTPRequestHandler):
    """Reads and answers with whole bodies, and logs nothing. HTTP/1.0, unless a subclass says otherwise."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, content: Any = b"", *, cut: int = 0, **headers: str) -> None:
        """content: octets, or what goes as JSON. cut: so many octets are promised, and do not follow.

        headers: their names with underscores for hyphens; they win over those that are sent anyway.
        """
        sent = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = {} if isinstance(content, bytes) else {"Content-Type": "application/json"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.send_response(status)
        for name, value in {**kind, "Content-Length": str(len(sent) + cut), **given}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_given: Any) -> None:
        """Nothing."""


def first_values(text: str) -> dict[str, str]:
    """The fields of a form or a query, each with its first value."""
    return {name: values[0] for name, values in parse_qs(text).items()}


@dataclass
class Service:
    """A service whose answers a test may plan. calls: by their names. tokens: who is signed in with each.

    planned: what the next calls of a name do instead, one after the other: a status, a status with a reason,
    "lost-before", "lost-after" or "cut". retry_after: the headers of 429 and 503.
    """

    planned: dict[str, list[int | str | tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    calls: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    retry_after: dict[str, str] = field(default_factory=lambda: {"Retry-After": "1"})
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def called(self, name: str) -> int:
        return self.calls.count(name)


class ServiceHandler(Handler):
    """Does what is planned for its service, else what a subclass does."""

    service: Service

    def error(self, status: int, reason: str = "") -> None:
        """What the service says where it refuses."""
        raise NotImplementedError

    def act(self, name: str, do: Callable[[], tuple[int, Any] | None]) -> None:
        """The call. do returns status and answer (of a refusal: its reason), or None: no answer comes."""
        self.service.calls.append(name)
        planned = self.service.planned.get(name)
        now = planned.pop(0) if planned else ""
        if isinstance(now, int):
            self.error(now)
        elif isinstance(now, tuple):
            self.error(*now)
        elif now == "lost-before":
            self.close_connection = True
        else:
            self._finish(do(), now)

    def _finish(self, done: tuple[int, Any] | None, way: str) -> None:
        if done is None or way == "lost-after":
            self.close_connection = True
            return
        status, said = done
        if way == "cut":
            self.answer(status, said or {}, cut=10)
        elif status >= 400 and isinstance(said, str):
            self.error(status, said)
        else:
            self.say(status, said)

    def say(self, status: int, said: Any) -> None:
        more = self.service.retry_after if status in (429, 503) else {}
        self.answer(status, b"" if said is None else said, **more)

    def bearer(self) -> str:
        """Who is signed in with the token that was sent; nobody: empty."""
        return self.service.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "), "")


class Server(ThreadingHTTPServer):
    """Shakes hands in the thread of the connection, so that a bad client keeps nobody waiting."""

    def __init__(
        self, handler: type[StreamRequestHandler], *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(("127.0.0.1", port), handler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *given: Any) -> None:
        """A client that hangs up is no news; a handler that fails is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*given)


@contextmanager
def serving(
    handler: type[StreamRequestHandler], *, tls: ssl.SSLContext | None = None, **known: Any
) -> Iterator[int]:
    """Yield the port of a server that answers until the block ends; known: attributes of its handlers."""
    with Server(type("Known", (handler,), known), tls=tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(5)
