"""Redis, Valkey or RabbitMQ by settings alone: address, password, TLS, what each transport understands."""

import socket
import ssl
import time
from pathlib import Path

import pytest
from celery import current_app
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection
from kombu.exceptions import OperationalError

from identity_manager.config.broker import addresses as broker

REDIS, RABBITMQ = "redis://r.example.org/0", "amqp://im@q.example.org/tokens"


@pytest.mark.parametrize(
    ("url", "with_password"),
    [
        ("redis://r:6379/0", "redis://:p%40%2Fw@r:6379/0"),
        ("amqp://im@q/tokens", "amqp://im:p%40%2Fw@q/tokens"),
        ("amqps://im:old@q/", "amqps://im:p%40%2Fw@q/"),
        ("amqp://im@a/;amqp://im@b/", "amqp://im:p%40%2Fw@a/;amqp://im:p%40%2Fw@b/"),
    ],
)
def test_the_password_may_come_apart(monkeypatch: pytest.MonkeyPatch, url: str, with_password: str) -> None:
    monkeypatch.setenv("BROKER_URL", url)
    assert broker.address(None) == url
    monkeypatch.setenv("BROKER_PASSWORD", "p@/w")
    assert broker.address(None) == with_password


@pytest.mark.parametrize("url", ["sqs://hidden@h", "hidden", "redis://a;amqp://b", "filesystem://", "", ";"])
def test_other_brokers_are_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("BROKER_URL", url)
    with pytest.raises(ImproperlyConfigured) as caught:
        broker.address(None)
    assert str(caught.value).startswith("BROKER_URL must begin with one of amqp://, amqps://, redis://, ")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["redis://[hidden", "redis://:hidden@h:port/0", "amqp://a/;amqp://hidden:99999/"]
)
def test_what_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("BROKER_URL", url)
    with pytest.raises(ImproperlyConfigured) as caught:
        broker.address(None)
    assert str(caught.value) == "BROKER_URL must be an address; its host or port is none."


def test_each_transport_gets_what_it_understands() -> None:
    assert broker.transport_options(REDIS)["visibility_timeout"] > 300
    assert "visibility_timeout" not in broker.transport_options(RABBITMQ)
    assert broker.transport_options(RABBITMQ)["confirm_publish"] is True
    assert "confirm_publish" not in broker.transport_options(REDIS)


@pytest.mark.long
@pytest.mark.timeout(60)
def test_a_broker_that_takes_connections_and_never_answers_holds_nobody(tmp_path: Path) -> None:
    """As one whose host was lost looks: the connection stands, and nothing comes."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "b.sock"))
        listener.listen()
        url = f"redis+socket://{tmp_path}/b.sock"
        began = time.monotonic()
        patience = broker.transport_options(url)
        with Connection(url, transport_options=patience) as connection, pytest.raises(OperationalError):
            connection.Producer().publish({}, routing_key="ca")
        assert time.monotonic() - began < 4 * broker.ANSWER_SECONDS


def test_queues_of_rabbitmq_lie_on_a_majority() -> None:
    assert [queue.name for queue in broker.queues(REDIS)] == ["ca", "mail", "bulk", "jobs"]
    assert all(queue.durable and queue.queue_arguments is None for queue in broker.queues(REDIS))
    assert all(queue.queue_arguments == {"x-queue-type": "quorum"} for queue in broker.queues(RABBITMQ))


def test_with_tls_the_server_is_always_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert broker.tls(REDIS) is False
    assert broker.tls(RABBITMQ) is False
    assert broker.tls("rediss://r/0") == {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    files = [tmp_path / name for name in ("ca.pem", "own.pem", "own.key")]
    for path, name in zip(files, ("CA", "CERTIFICATE", "KEY"), strict=True):
        path.touch()
        monkeypatch.setenv(f"BROKER_TLS_{name}", str(path))
    ca, certificate, key = map(str, files)
    assert broker.tls("rediss://r/0") == {
        "ssl_ca_certs": ca,
        "ssl_certfile": certificate,
        "ssl_keyfile": key,
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
    }
    assert broker.tls("amqps://q/") == {
        "ca_certs": ca,
        "certfile": certificate,
        "keyfile": key,
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": None,
    }


@pytest.mark.parametrize("name", ["BROKER_TLS_CA", "BROKER_TLS_CERTIFICATE", "BROKER_TLS_KEY"])
@pytest.mark.parametrize("url", ["rediss://r/0", "amqps://q/"])
def test_a_file_for_tls_that_is_not_there_is_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, url: str
) -> None:
    missing = tmp_path / "missing.pem"
    monkeypatch.setenv(name, str(missing))
    with pytest.raises(ImproperlyConfigured) as caught:
        broker.tls(url)
    assert str(caught.value) == f"{missing}, with {name}, cannot be read: No such file or directory."
    assert broker.tls(REDIS) is False, "without TLS nobody reads it"


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("road.issue_certificate", "ca"),
        ("jobs.tick", "jobs"),
        ("mail.send", "mail"),
        ("bulk.anything", "bulk"),
    ],
)
def test_tasks_go_to_their_queue(task: str, queue: str) -> None:
    assert current_app.amqp.router.route({}, task)["queue"].name == queue
