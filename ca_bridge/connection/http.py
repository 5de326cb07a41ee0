"""HTTP client for CAs: TLS, size limits, time-outs, classification of faults.

Each call opens a connection. With keep-alive, a connection that the CA has closed leaves open whether the
request was read, and for an order that would be an unknown outcome.
"""

import base64
import http.client
import io
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.translation import gettext as _

from ca_bridge import outgoing
from ca_bridge.connection.reply import SAID, Reply, fault
from ca_bridge.errors import CaError
from ca_bridge.x509.der import MALFORMED

CONNECT_SECONDS = 5
LONGEST_ANSWER = 1 << 20  # octets; chains are some ten thousand long
LONGEST_LIST = 1 << 26  # octets, for lists of issued certificates
Method = Literal["GET", "POST", "PUT", "LIST"]
# The headers that sign in on a connection, by its end_point(); empty where it has no TLS. Raises CaError.
SignIn = Callable[[bytes], Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class HttpOptions:
    """Options of every connector over HTTP. Raises ValueError, with a sentence that names the option.

    url: base URL of the CA's interface; https, or http on this machine; without a trailing slash.
    chain_file: PEM, the trusted issuers of answers: issuing CA first, root last. During a key roll-over of
      the root it has both roots; roll-over certificates between them then go into containers, too.
    ca_file: PEM, trust anchors of the server's TLS certificate; empty: the setting TRUSTED_CA_FILE.
    client_certificate_file, client_key_file: PEM, for TLS client authentication.
    client_key_passphrase_file: if that key is encrypted.
    timeout: seconds for the whole response.
    """

    url: str
    chain_file: str
    ca_file: str = ""
    client_certificate_file: str = ""
    client_key_file: str = ""
    client_key_passphrase_file: str = ""
    timeout: int = 30
    chain: tuple[bytes, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_url(self.url)
        check_seconds("timeout", self.timeout, 1, 120)
        if bool(self.client_certificate_file) != bool(self.client_key_file):
            raise ValueError("client_certificate_file and client_key_file go together.")
        object.__setattr__(self, "chain", _chain(self.chain_file))
        for name in ("ca_file", "client_certificate_file", "client_key_file", "client_key_passphrase_file"):
            check_file(name, getattr(self, name), needed=False)

    @property
    def issuers(self) -> tuple[bytes, ...]:
        """The chain without its root (DER), for a CA that returns a certificate without its issuers."""
        return tuple(each for each in self.chain if not _is_root(each))


@dataclass(frozen=True, kw_only=True)
class SignInOptions(HttpOptions):
    """HttpOptions for a CA that authenticates us, by HTTP Basic or the TLS client certificate.

    user, password_file: HTTP Basic; without them the client certificate authenticates.
    """

    WAYS: ClassVar[str] = "user and password_file, or client_certificate_file and client_key_file"
    user: str = ""
    password_file: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.url.startswith("https://"):
            raise ValueError("url must be https: it is told a password, or asks for a certificate.")
        if bool(self.user) != bool(self.password_file):
            raise ValueError("user and password_file go together.")
        if not self.signs_in:
            raise ValueError(f"Give {self.WAYS}.")
        if ":" in self.user:
            raise ValueError("user must have no colon (RFC 7617).")
        check_file("password_file", self.password_file, needed=False)

    @property
    def signs_in(self) -> bool:
        """Whether HTTP Basic or a client certificate is configured."""
        return bool(self.user or self.client_certificate_file)

    def sign_in(self) -> dict[str, str]:
        """The Authorization header, re-read from the file; empty for the client certificate."""
        return basic(self.user, secret(self.password_file)) if self.user else {}


def _is_root(certificate: bytes) -> bool:
    found = x509.load_der_x509_certificate(certificate)
    return found.subject == found.issuer


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    at_home = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if parts.scheme not in {"https", "http"} or not parts.hostname or url.endswith("/"):
        raise ValueError("url must be an https URL without a slash at its end.")
    if parts.scheme == "http" and not at_home:
        raise ValueError("url must be https, unless the CA is on this machine.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("url must have no user, no password, no query and no fragment.")


def _chain(file: str) -> tuple[bytes, ...]:
    check_file("chain_file", file)
    try:
        found = x509.load_pem_x509_certificates(Path(file).read_bytes())
    except ValueError as error:
        raise ValueError("chain_file must hold certificates in PEM.") from error
    return tuple(each.public_bytes(Encoding.DER) for each in found)


def check_file(name: str, file: str, *, needed: bool = True) -> None:
    """Raises ValueError with the option's name for a missing or unreadable file."""
    if not file and not needed:
        return
    path = Path(file)
    try:
        if not path.is_absolute():
            raise ValueError(f"{name} must be an absolute path.")
        with path.open("rb"):
            pass
    except OSError as error:
        raise ValueError(f"{name}: {file} cannot be read ({type(error).__name__}).") from error


def check_seconds(name: str, seconds: int, least: int, most: int) -> None:
    """Raises ValueError with the option's name for a time out of bounds."""
    if not least <= seconds <= most:
        raise ValueError(f"{name} must be from {least} to {most} seconds.")


def secret(file: str) -> str:
    """The file's current content, so that it can change without a restart. Raises a transient CaError."""
    try:
        found = Path(file).read_text(encoding="utf-8-sig").strip()  # strip a BOM (Windows editors)
    except (OSError, UnicodeDecodeError) as error:
        raise CaError(
            _("The credentials for the certificate authority cannot be read."),
            f"{file}: {type(error).__name__}",
        ) from error
    if not found:
        raise CaError(_("The credentials for the certificate authority cannot be read."), f"{file} is empty")
    return found


class _TimelyReader(io.RawIOBase):
    """Socket reader with a deadline for the whole response. Raises TimeoutError."""

    def __init__(self, sock: socket.socket, below: io.RawIOBase) -> None:
        self._until = time.monotonic() + (sock.gettimeout() or 0)
        self._sock, self._below = sock, below

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._below.readinto(buffer)

    def close(self) -> None:
        self._below.close()
        super().close()


class TimelyResponse(http.client.HTTPResponse):
    """Response whose time-out covers status, headers and body together."""

    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp = io.BufferedReader(_TimelyReader(sock, self.fp.detach()))


class Http:
    """HTTP client of one CA, for all threads and processes."""

    def __init__(
        self,
        options: HttpOptions,
        sign_in: SignIn = lambda _end_point: {},
        *,
        longest: int = LONGEST_ANSWER,
    ) -> None:
        self._options = options
        self._sign_in = sign_in
        self._longest = longest
        self._host = urlsplit(options.url).netloc

    def _words(self, error: Exception) -> str:
        return f"{self._host}: {_words(error)}"

    def call(
        self,
        method: Method,
        path: str,
        *,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        orders: bool = False,
    ) -> Reply:
        """Send a request and return the reply, whatever its status; redirects are not followed.

        data: octets, else a value sent as JSON. orders: not idempotent. Raises a transient CaError
        where the CA has not read the request or the call is idempotent; else InDoubtError.
        """
        body, headers = _body(data, dict(headers or {}))
        connection = self._connected()
        try:
            headers |= self._sign_in(_end_point_of(connection))
            self._send(connection, method, path, body, headers)
            with connection.getresponse() as response:  # closed also where it does not end
                content = self._content(response, in_doubt=orders)
        except (OSError, http.client.HTTPException) as error:
            raise fault(self._words(error), in_doubt=orders and not _is_refused_client(error)) from error
        finally:
            connection.close()
        return Reply(response.status, dict(response.headers), content, in_doubt=orders, host=self._host)

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: Method,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> None:
        """A request that failed while being sent was not read, for example by a server that rejects our TLS
        1.3 certificate.
        """
        try:
            connection.request(method, urlsplit(self._options.url).path + path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise fault(self._words(error), in_doubt=False) from error
        except ValueError as error:  # invalid header (RFC 9110 5.5); its text may hold a token, so not logged
            message = _("The credentials for the certificate authority cannot be used.")
            raise CaError(message, f"{type(error).__name__}: they cannot stand in a header") from None

    def _connected(self) -> http.client.HTTPConnection:
        url = self._options.url
        tls = self._tls() if url.startswith("https:") else None
        try:
            connection = outgoing.connect(url, seconds=CONNECT_SECONDS, tls=tls)
        except OSError as error:  # also TLS: a name or a certificate that does not fit
            raise CaError(_("The certificate authority cannot be reached."), self._words(error)) from error
        connection.sock.settimeout(self._options.timeout)
        connection.response_class = TimelyResponse
        return connection

    def _content(self, response: http.client.HTTPResponse, *, in_doubt: bool) -> bytes:
        """The body, up to a limit."""
        content = bytearray()
        while piece := response.read1(1 << 14):
            content += piece
            if len(content) > self._longest:
                raise fault(f"{self._host}: The answer is too long.", in_doubt=in_doubt)
        if response.length:  # read1() does not say that the end is missing
            raise fault(f"{self._host}: The answer was cut off.", in_doubt=in_doubt)
        return bytes(content)

    def _tls(self) -> ssl.SSLContext:
        """TLS context, read at each call, so that renewed certificates need no restart."""
        options = self._options
        try:
            context = outgoing.context(options.ca_file)
            if options.client_certificate_file:
                file = options.client_key_passphrase_file
                password = secret(file) if file else ""  # never None: OpenSSL would ask at the terminal
                context.load_cert_chain(options.client_certificate_file, options.client_key_file, password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            message = _("The TLS files for the certificate authority cannot be used.")
            raise CaError(message, _words(error)) from error
        return context


def _is_refused_client(error: Exception) -> bool:
    """TLS 1.3 servers reject a client certificate only after the request."""
    return isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or "")


def _body(data: Any, headers: dict[str, str]) -> tuple[bytes | None, dict[str, str]]:
    if data is None or isinstance(data, bytes):
        return data, headers
    return json.dumps(data).encode(), {"Content-Type": "application/json", **headers}


def _end_point_of(connection: http.client.HTTPConnection) -> bytes:
    certificate = connection.sock.getpeercert(True) if isinstance(connection.sock, ssl.SSLSocket) else None  # noqa: FBT003 OpenSSL's binding takes it by place
    return end_point(certificate) if certificate else b""


def end_point(certificate: bytes) -> bytes:
    """Channel binding tls-server-end-point (RFC 5929 4).

    Hash of the server certificate by its signature's digest; SHA-256 in place of MD5, SHA-1 or none, or
    where OpenSSL parses the certificate and `cryptography` does not.
    """
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except MALFORMED:
        algorithm = None
    if algorithm is None or isinstance(algorithm, hashes.MD5 | hashes.SHA1):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    return b"tls-server-end-point:" + digest.finalize()


def basic(user: str, password: str) -> dict[str, str]:
    """HTTP Basic header (RFC 7617)."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:SAID]
