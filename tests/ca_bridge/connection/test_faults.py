"""Each fault of a connection has its name, found with real sockets and real TLS."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.connection import faults, registry
from ca_bridge.contract import ConnectionFault
from tests.ca_bridge.scripted import issuing_ca
from tests.tools.x509 import constraints, hosts, issued, key_pem, named

EST = "ca_bridge.connectors.est.connector.EstConnector"
DAY = timedelta(days=1)


class Server:
    """Shows a certificate, takes one request, and answers what it is told; nothing: it keeps silent."""

    def __init__(self, context: ssl.SSLContext | None, answer: bytes | None) -> None:
        self._context, self._answer = context, answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            caller, _address = self._listener.accept()
            with self._open(caller) as ours:
                ours.recv(1 << 16)
                if self._answer is None:
                    self._done.wait(10)
                else:
                    ours.sendall(self._answer)

    def _open(self, caller: socket.socket) -> socket.socket:
        if self._context is None:
            return caller
        ours = self._context.wrap_socket(caller, server_side=True, do_handshake_on_connect=False)
        try:
            ours.do_handshake()
        except ssl.SSLError:
            # Closed with something unread, the connection would be reset, and the alert lost.
            while socket.socket.recv(ours, 1 << 16):
                pass
            raise
        return ours

    def close(self) -> None:
        self._done.set()
        self._listener.close()


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for each in started:
        each.close()


def identity(folder: Path, *, name: str = "127.0.0.1", ends: timedelta = DAY) -> str:
    """A certificate that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, said = named("Test server"), [hosts(name), constraints(ca=True)]
    until = datetime.now(UTC) + ends
    made = issued(subject, key.public_key(), (subject, key), since=10, until=until, extensions=said)
    file = folder / f"{name}-{ends.days}.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM) + key_pem(key))
    return str(file)


@pytest.fixture
def health(settings, tmp_path: Path, servers: list[Server]):
    """What is said of a CA by EST at a server that behaves so."""
    chain, password = tmp_path / "chain.pem", tmp_path / "password"
    chain.write_bytes(issuing_ca().certificate.public_bytes(Encoding.PEM))
    password.write_text("hunter2")

    def ask(server: Server | None = None, *, host: str = "127.0.0.1", port: int = 0, trusted: str = ""):
        if server is not None:
            servers.append(server)
            port = server.port
        options = {
            "url": f"https://{host}:{port}",
            "chain_file": str(chain),
            "user": "me",
            "password_file": str(password),
            "ca_file": trusted,
            "timeout": 1,
        }
        settings.CA_CONNECTORS = {"est": {"CONNECTOR": EST, "OPTIONS": options}}
        found = registry.health("est")
        assert not found.ok
        assert "hunter2" not in found.detail
        return found.fault

    return ask


def shows(file: str, *, asks_client: str = "") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if asks_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(asks_client)
    return context


def test_no_such_name(health):
    assert health(host="no-such-host.invalid", port=443) is ConnectionFault.DNS


def test_nobody_listens(health):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert health(port=probe.getsockname()[1]) is ConnectionFault.REFUSED


def test_silence(health, tmp_path):
    file = identity(tmp_path)
    assert health(Server(shows(file), None), trusted=file) is ConnectionFault.TIME_OUT


def test_no_answer_but_the_end(health, tmp_path):
    file = identity(tmp_path)
    assert health(Server(shows(file), b""), trusted=file) is ConnectionFault.CLOSED


def test_a_certificate_for_another_name(health, tmp_path):
    file = identity(tmp_path, name="other.example.com")
    assert health(Server(shows(file), b""), trusted=file) is ConnectionFault.TLS_NAME


def test_a_certificate_that_nobody_trusts(health, tmp_path):
    trusted = tmp_path / "other"
    trusted.mkdir()
    assert (
        health(Server(shows(identity(tmp_path)), b""), trusted=identity(trusted)) is ConnectionFault.TLS_TRUST
    )


def test_a_certificate_that_has_ended(health, tmp_path):
    file = identity(tmp_path, ends=-DAY)
    assert health(Server(shows(file), b""), trusted=file) is ConnectionFault.TLS_EXPIRED


def test_a_server_that_wants_a_client_certificate(health, tmp_path):
    file = identity(tmp_path)
    assert health(Server(shows(file, asks_client=file), b""), trusted=file) is ConnectionFault.TLS_CLIENT


def test_no_tls_at_all(health, tmp_path):
    answer = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    assert health(Server(None, answer), trusted=identity(tmp_path)) is ConnectionFault.TLS


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("401 Unauthorized", ConnectionFault.CREDENTIALS),
        ("403 Forbidden", ConnectionFault.CREDENTIALS),
        ("404 Not Found", ConnectionFault.ADDRESS),
        ("503 Service Unavailable", ConnectionFault.BUSY),
    ],
)
def test_what_the_status_says(health, tmp_path, status, fault):
    file = identity(tmp_path)
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    assert health(Server(shows(file), answer), trusted=file) is fault


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("It is sealed.", ConnectionFault.SEALED),
        ("HTTP 503: Vault is sealed", ConnectionFault.SEALED),
        ("HTTP 400: unknown role: person", ConnectionFault.PROFILE),
        ("Certificate profile 'X' does not exist", ConnectionFault.PROFILE),
        ("HTTP 418 short and stout", None),
    ],
)
def test_what_a_ca_says(said, fault):
    assert faults.of_words(said) is fault


def test_a_wrong_setting(settings):
    settings.CA_CONNECTORS = {"broken": {"CONNECTOR": "no.such.Connector"}}
    assert registry.health("broken").fault is ConnectionFault.SETTINGS


def test_every_fault_has_words():
    assert set(faults.WORDS) == set(ConnectionFault)
    assert faults.in_words(None) == faults.in_words("") == ""
