"""Several RabbitMQ servers with TLS: after a failover, the other one is checked by its own name."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from identity_manager.config.broker import addresses as broker
from tests.interop.tls_certificates import Authority, server_context

FIRST, SECOND = "127.0.0.1", "127.0.0.2"


@dataclass
class Server:
    """Answers at an address of this machine with a certificate; ends each connection once it is believed."""

    host: str
    certificate: Path
    believed: int = 0
    listener: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.listener = socket.create_server((self.host, 0))

    @property
    def url(self) -> str:
        return f"amqps://{self.host}:{self.listener.getsockname()[1]}//"

    def serve(self) -> None:
        context = server_context(self.certificate)
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:  # closed: the test is over
                return
            try:
                with context.wrap_socket(connection, server_side=True):
                    self.believed += 1
            except ssl.SSLError:
                connection.close()


@contextmanager
def running(*servers: Server) -> Iterator[str]:
    """The address of all of them."""
    threads = [threading.Thread(target=server.serve, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield ";".join(server.url for server in servers)
    finally:
        for server in servers:
            server.listener.shutdown(socket.SHUT_RDWR)
            server.listener.close()
        for thread in threads:
            thread.join(timeout=10)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = Authority.make("Brokers")
    monkeypatch.setenv("BROKER_TLS_CA", str(made.bundle(tmp_path)))
    return made


def visit_all(url: str) -> None:
    """Ask one server after the other, as a connection does whose server ends it; twice, as processes do."""
    shared = broker.tls(url)  # Celery gives all its connections the same
    for _ in range(2):
        options = broker.transport_options(url)
        connection = Connection(url, ssl=shared, transport_options=options)
        with connection, pytest.raises(OperationalError):
            connection.ensure_connection(max_retries=2, interval_start=0, interval_step=0)


def test_each_is_checked_by_its_own_name(authority: Authority, tmp_path: Path) -> None:
    servers = [Server(host, authority.server(tmp_path, host)) for host in (FIRST, SECOND)]
    with running(*servers) as url:
        visit_all(url)
    assert all(server.believed >= 2 for server in servers), servers


def test_one_with_the_certificate_of_the_other_is_not_believed(authority: Authority, tmp_path: Path) -> None:
    certificate = authority.server(tmp_path, FIRST)
    right, wrong = Server(FIRST, certificate), Server(SECOND, certificate)
    with running(right, wrong) as url:
        visit_all(url)
    assert right.believed >= 2
    assert wrong.believed == 0
