"""HTTP servers on loopback, made of a handler, in threads of the test or in a process of their own."""

import json
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


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


class Server(ThreadingHTTPServer):
    """Shakes hands in the thread of the connection, so that a bad client keeps nobody waiting."""

    def __init__(self, handler: type[Handler], *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", port), handler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *given: Any) -> None:
        """A client that hangs up is no news; a handler that fails is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*given)


@contextmanager
def serving(handler: type[Handler], *, tls: ssl.SSLContext | None = None, **known: Any) -> Iterator[int]:
    """Yield the port of a server that answers until the block ends; known: attributes of its handlers."""
    with Server(type("Known", (handler,), known), tls=tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(5)
