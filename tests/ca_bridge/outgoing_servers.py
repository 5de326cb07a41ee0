"""Servers on loopback: of pages, of whatever talks over a socket, and a proxy that leads there by a name."""

import base64
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from tests.tools.http_server import Handler, serving

ELSEWHERE = "service.corp.test"  # no DNS has it: only the proxy knows the way


class _Pages(Handler):
    pages: dict[str, bytes]

    def do_GET(self) -> None:
        self.body()
        found = self.path in self.pages
        self.answer(200 if found else 404, self.pages.get(self.path, b""), Content_Type="application/json")

    do_POST = do_GET


def web_server(pages: dict[str, bytes], tls: ssl.SSLContext) -> AbstractContextManager[int]:
    """Yields the port of a server that has these pages."""
    return serving(_Pages, tls=tls, pages=pages)


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Yield the port of a server that talks so with each caller, in a thread; a connection may break."""

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                talk(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


class Proxy:
    """Takes CONNECT, and leads every name to this machine; asked: for what, and with which credentials."""

    port: int

    def __init__(self, *, wants: str = "") -> None:
        self.asked: list[str] = []
        self._wants = base64.b64encode(wants.encode()).decode() if wants else ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lead(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        line, *headers = head.decode().split("\r\n")
        target = line.split()[1]
        self.asked.append(target)
        if self._wants and f"Proxy-Authorization: Basic {self._wants}" not in headers:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2]))) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pour, args=(server, client), daemon=True)
            back.start()
            _pour(client, server)
            back.join(5)


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 14):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def forwarding_proxy(*, wants: str = "") -> Iterator[Proxy]:
    """Yield a proxy; wants: user:password that it demands."""
    proxy = Proxy(wants=wants)
    with listening(proxy.lead) as proxy.port:
        yield proxy


def error_of(call: Callable[[], object]) -> OSError:
    """What a call fails with; those of ssl, socket and requests are all OSError."""
    try:
        call()
    except OSError as error:
        return error
    raise AssertionError("the call was answered")
