"""Somebody between the bridge and a CA, over HTTP, who may keep the answer, or make one up."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from tests.ca_bridge.outgoing_servers import listening

PATIENCE = 20  # seconds
GARBAGE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n<garbage>"


class Mood(Enum):
    """What happens to a request."""

    PASSES = "passes on both ways"
    CUTS = "passes the request on, waits for the answer, and hangs up"
    HALVES = "passes half of the answer on"
    GARBLES = "answers with garbage, and passes nothing on"
    SILENT = "passes the request on, and keeps the answer until the caller has gone"


class Meddler:
    """An HTTP proxy on a port of its own. `passed` counts the answers that the CA has given.

    identity: certificate and key, as files, that it shows to the caller where the CA is asked over TLS.
    client: certificate and key that it shows to the CA, where that asks for them.
    """

    port: int

    def __init__(
        self, target: int, identity: tuple[str, str] | None = None, client: tuple[str, str] | None = None
    ) -> None:
        self.mood = Mood.PASSES
        self.passed = 0
        self._target = target
        self._identity, self._client = identity, client

    def meddle(self, caller: socket.socket) -> None:
        mood = self.mood
        caller.settimeout(PATIENCE)
        with self._as_server(caller) as open_caller:
            request = _message(open_caller)
            if mood is Mood.GARBLES:
                open_caller.sendall(GARBAGE)
                return
            answer = self._asked(request)
            self.passed += 1
            if mood is Mood.SILENT:
                open_caller.recv(1)  # until it has gone
            if mood is Mood.HALVES:
                open_caller.sendall(answer[: len(answer) // 2])
            if mood is Mood.PASSES:
                open_caller.sendall(answer)

    def _as_server(self, caller: socket.socket) -> socket.socket:
        if self._identity is None:
            return caller
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._identity)
        return context.wrap_socket(caller, server_side=True)

    def _asked(self, request: bytes) -> bytes:
        plain = socket.create_connection(("127.0.0.1", self._target), timeout=PATIENCE)
        with self._as_client(plain) as ca:
            ca.sendall(request)
            return _message(ca)

    def _as_client(self, ca: socket.socket) -> socket.socket:
        if self._identity is None:
            return ca
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if self._client is not None:
            context.load_cert_chain(*self._client)
        return context.wrap_socket(ca)


def _message(source: socket.socket) -> bytes:
    """One request or answer (RFC 9112): its head, and as much body as the head says, or until the end."""
    found = b""
    while b"\r\n\r\n" not in found:
        if not (piece := source.recv(1 << 16)):
            return found
        found += piece
    head, _blank, body = found.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)

    def is_whole(body: bytes) -> bool:
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            return body.endswith(b"0\r\n\r\n")
        if b"content-length" in fields:
            return len(body) >= int(fields[b"content-length"])
        return not head.startswith(b"HTTP/")  # an answer goes on until the end

    while not is_whole(body) and (piece := source.recv(1 << 16)):
        body += piece
    return head + b"\r\n\r\n" + body


@contextmanager
def between(
    target: int, identity: tuple[str, str] | None = None, client: tuple[str, str] | None = None
) -> Iterator[Meddler]:
    meddler = Meddler(target, identity, client)
    with listening(meddler.meddle) as meddler.port:
        yield meddler
