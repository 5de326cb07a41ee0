"""A real broker whose every command is overheard, and a worker that does what is published, on demand."""

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from celery import current_app
from celery.signals import task_failure
from kombu import Connection, pools

from identity_manager.management.embedded import Broker
from tests.sinks.places import Place
from tests.sinks.recording import FAULTS

QUEUES = ("ca", "mail")


class Wire:
    """The broker, and what it was told since the listening began."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._heard = b""
        with self._connected() as speaker:  # what another test left
            speaker.sendall(b"FLUSHALL SYNC\r\n")
            speaker.recv(100)
        self._ear = self._connected()
        self._ear.sendall(b"MONITOR\r\n")

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(10)
        connection.connect(str(self.broker.socket_path))
        return connection

    def places(self) -> Iterator[Place]:
        """Every command that the broker was given, as overheard."""
        for number, command in enumerate(self._overheard().splitlines()):
            yield f"broker command {number}", command

    def _overheard(self) -> bytes:
        """A command of our own marks where to stop reading."""
        mark = uuid.uuid4().hex.encode()
        with self._connected() as speaker:
            speaker.sendall(b"ECHO %s\r\n" % mark)
            speaker.recv(100)
        while mark not in self._heard:
            self._heard += self._ear.recv(1 << 16)
        return self._heard

    def close(self) -> None:
        self._ear.close()


@contextmanager
def overheard(broker: Broker) -> Iterator[Wire]:
    """What is published meanwhile goes to this broker, and waits for work()."""
    with published_to(broker.url), closing(Wire(broker)) as wire:
        yield wire


@contextmanager
def published_to(url: str, **transport_options: Any) -> Iterator[None]:
    """What is published meanwhile goes to the broker at this address, by default as to that of the tests."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy of celery.local
    before = app.conf.broker_url, app.conf.task_always_eager, app.conf.broker_transport_options
    options = transport_options or app.conf.broker_transport_options
    app.conf.broker_url, app.conf.task_always_eager, app.conf.broker_transport_options = url, False, options
    _forget_connections(app)
    try:
        yield
    finally:
        _forget_connections(app)
        app.conf.broker_url, app.conf.task_always_eager, app.conf.broker_transport_options = before


def _forget_connections(app: Any) -> None:
    """The next message goes over a connection of its own."""
    pools.reset()
    app._pool = app.amqp._producer_pool = None


@task_failure.connect
def note_fault(exception: BaseException, **_: Any) -> None:
    """Also of a task that another one carries out."""
    FAULTS.append(exception)


def work(wire: Wire) -> list[Place]:
    """Do what waits at the broker, in turn, until nothing does; return the messages that were taken.

    A task that fails is logged as the worker logs it, and the next one is done.
    """
    taken: list[Place] = []
    with Connection(wire.broker.url) as connection:
        while message := next_message(connection):
            body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
            name = message.headers["task"]
            taken.append((f"message {name}", json.dumps(message.headers).encode() + b"\n" + body))
            current_app.tasks[name].apply(args=message.decode()[0], throw=False)
            message.ack()
    return taken


def next_message(connection: Connection) -> Any:
    """The oldest message of the first queue that has one."""
    channel: Any = connection.default_channel
    for queue in QUEUES:
        raw = channel.basic_get(queue)
        if raw is not None:
            return raw
    return None
