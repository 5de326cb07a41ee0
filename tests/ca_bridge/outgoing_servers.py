"""A web server on loopback with a certificate of a private CA, and a proxy that leads to it by a name."""

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.ca_bridge.connectors.issuers import TestCa
from tests.tools.http_server import Handler, serving
from tests.tools.x509 import hosts, key_pem, named

ELSEWHERE = "service.corp.test"  # no DNS has it: only the proxy knows the way


class PrivateCa(TestCa):
    """A root of the organisation's own; file: where it is."""

    @property
    def path(self) -> str:
        return str(self.folder / "ca.pem")

    def tls(self, *names: str) -> ssl.SSLContext:
        """Of a server with a certificate for these names, and for 127.0.0.1 where none is given."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.signed(named("Server"), key, hosts(*(names or ("localhost", "127.0.0.1"))))
        pem = certificate.public_bytes(Encoding.PEM)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file("server.pem", pem), self.file("server.key", key_pem(key)))
        return context


class _Pages(Handler):
    pages: dict[str, bytes]

    def do_GET(self) -> None:
        self.body()
        found = self.path in self.pages
        self.answer(200 if found else 404, self.pages.get(self.path, b""), Content_Type="application/json")

    do_POST = do_GET


@contextmanager
def web_server(pages: dict[str, bytes], tls: ssl.SSLContext) -> Iterator[int]:
    """Yield the port of a server that has these pages."""
    with serving(_Pages, tls=tls, pages=pages) as port:
        yield port


class Proxy:
    """Takes CONNECT, and leads every name to this machine; asked: for what, and with which credentials."""

    def __init__(self, *, wants: str = "") -> None:
        self.asked: list[str] = []
        self._wants = base64.b64encode(wants.encode()).decode() if wants else ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        with suppress(OSError), client:
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

    def close(self) -> None:
        self._listener.close()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 14):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def forwarding_proxy(*, wants: str = "") -> Iterator[Proxy]:
    """Yield a proxy; wants: user:password that it demands."""
    proxy = Proxy(wants=wants)
    try:
        yield proxy
    finally:
        proxy.close()


def error_of(call: Callable[[], object]) -> OSError:
    """What a call fails with; those of ssl, socket and requests are all OSError."""
    try:
        call()
    except OSError as error:
        return error
    raise AssertionError("the call was answered")


def private_ca(folder: Path) -> PrivateCa:
    folder.mkdir(exist_ok=True)
    return PrivateCa("Private CA", folder)
