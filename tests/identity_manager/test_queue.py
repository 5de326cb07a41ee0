"""Publishing never raises, whatever is wrong with the broker: the row is due in the database."""

import time
import uuid

import pytest
from amqp.exceptions import AccessRefused, NotFound
from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import AuthenticationError, OutOfMemoryError

from identity_manager import queue, task_names
from identity_manager.config.broker import addresses as broker
from tests.sinks.wire import published_to
from tests.tools.rabbitmq import rabbitmq

OUT_OF_MEMORY = "vm_memory_high_watermark.absolute = 1"

TROUBLE = [
    OperationalError("nobody listens"),
    ConnectionResetError("gone"),
    TimeoutError("too late"),
    AccessRefused("not for this user"),
    NotFound("no such exchange"),
    OutOfMemoryError("maxmemory is reached"),
    AuthenticationError("another password"),
    AttributeError("'NoneType' object has no attribute 'send_method'"),  # of kombu, while a channel is made
]


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda each: type(each).__name__)
def test_a_broker_in_trouble_is_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr(type(current_app.tasks[task_names.SEND_MAIL]), "apply_async", refuse)
    queue.publish(task_names.SEND_MAIL, uuid.uuid4())
    assert "the sweep takes over mail.send" in caplog.text


@pytest.mark.nightly
@pytest.mark.needs_program("rabbitmq-server")
@pytest.mark.timeout(180)
def test_rabbitmq_that_lacks_memory_holds_nobody_for_long(caplog: pytest.LogCaptureFixture) -> None:
    """It takes what is published, and confirms nothing until it has room again."""
    with rabbitmq(OUT_OF_MEMORY) as node, published_to(node.url, **broker.transport_options(node.url)):
        for _ in range(2):  # on a new connection, and on one of the pool
            began = time.monotonic()
            queue.publish(task_names.SEND_MAIL, uuid.uuid4())
            assert time.monotonic() - began < broker.ANSWER_SECONDS + broker.CONNECT_SECONDS
    assert caplog.text.count("the sweep takes over mail.send") == 2
