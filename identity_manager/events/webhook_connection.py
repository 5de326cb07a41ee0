"""HTTPS to a webhook's endpoint: guarded addresses, no redirects, no proxy, a deadline for each message."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.functional import cached_property

from identity_manager.events import address_guard

CONNECT_SECONDS = 5.0
DEADLINE = 15.0  # seconds for one message, however slowly the answer comes
MOST_ANSWER = 4096  # octets that are read of an answer
OK, GONE = range(200, 300), 410
BROKE = "The connection broke, or the answer is no HTTP."
BROKEN = (OSError, http.client.HTTPException, ValueError)


@dataclass(frozen=True)
class Answer:
    """HTTP status of the answer, or a sentence why there was none. retry_after: in seconds."""

    status: int | None = None
    error: str = ""
    retry_after: int = 0

    @property
    def is_ok(self) -> bool:
        return self.status in OK


class _GuardedConnection(http.client.HTTPSConnection):
    """Resolves the host once and connects to what the guard has looked at; TLS checks the host's name."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS, context=context)
        self.tls = context

    def connect(self) -> None:
        plain = _connected(address_guard.resolved(self.host, self.port))
        try:
            self.sock = self.tls.wrap_socket(plain, server_hostname=self.host)
            self.sock.settimeout(DEADLINE)
        except BaseException:
            plain.close()
            raise

    def cut(self) -> None:
        """Shut the socket down, from another thread: blocked reads and writes on it end at once."""
        if self.sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def _connected(places: list[address_guard.Place]) -> socket.socket:
    """Connect to the first address that answers. Raises OSError."""
    error: OSError = OSError("no address")
    for family, where in places:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(CONNECT_SECONDS)
        try:
            connection.connect(where)
            # Headers and body are two writes: without this, the body waits for a delayed ACK (40 ms).
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as refused:
            connection.close()
            error = refused
        else:
            return connection
    raise error


class Courier:
    """Posts messages to one URL over a keep-alive connection. No exception text contains the URL."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection = _GuardedConnection(parts.hostname or "", parts.port or 443, self._context)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for trusted in filter(None, (settings.TRUSTED_CA_FILE, settings.WEBHOOK_CA_FILE)):
            context.load_verify_locations(trusted)
        return context

    def close(self) -> None:
        self._connection.close()

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one message. What breaks on a connection that was used before is tried on a new one, once."""
        was_used = self._connection.sock is not None
        answer = self._post(body, headers)
        return self._post(body, headers) if was_used and answer.error == BROKE else answer

    def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        with _deadline(self._connection) as is_over:
            try:
                self._connection.request("POST", self._target, body, dict(headers))
                response = self._connection.getresponse()
                response.read(MOST_ANSWER)
            except address_guard.RefusedAddressError:
                answer = Answer(error="The host has an address that no webhook may reach.")
            except BROKEN as error:
                answer = Answer(error="It took too long." if is_over.is_set() else _words(error))
            else:
                answer = Answer(response.status, retry_after=_seconds(response.getheader("Retry-After", "")))
                if response.isclosed():
                    return answer
        self._connection.close()
        return answer


@contextmanager
def _deadline(connection: _GuardedConnection) -> Iterator[threading.Event]:
    """Cut the connection after DEADLINE seconds: a socket time-out restarts with each octet."""
    over = threading.Event()

    def end() -> None:
        over.set()
        connection.cut()

    timer = threading.Timer(DEADLINE, end)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()


def _seconds(header: str) -> int:
    """Retry-After in seconds (RFC 9110 10.2.3); a date, or nonsense, is none."""
    return int(header) if header.isascii() and header.isdigit() and len(header) < 8 else 0


def _words(error: BaseException) -> str:
    """The kind of error as a sentence; never the error's text, which may contain the URL."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not accepted: {error.verify_message}."[:200]
    if isinstance(error, ssl.SSLError):
        return "TLS failed."
    if isinstance(error, socket.gaierror):
        return "The host's name has no address."
    if isinstance(error, TimeoutError):
        return "It took too long."
    if isinstance(error, ConnectionRefusedError):
        return "Nobody listens there."
    return BROKE
