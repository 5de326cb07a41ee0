"""Publishing never raises, whatever is wrong with the broker: the row is due in the database."""

import uuid

import pytest
from amqp.exceptions import AccessRefused, NotFound
from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import AuthenticationError, OutOfMemoryError

from identity_manager import outbox, queue

TROUBLE = [
    OperationalError("nobody listens"),
    ConnectionResetError("gone"),
    TimeoutError("too late"),
    AccessRefused("not for this user"),
    NotFound("no such exchange"),
    OutOfMemoryError("maxmemory is reached"),
    AuthenticationError("another password"),
]


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda each: type(each).__name__)
def test_a_broker_in_trouble_is_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr(type(current_app.tasks[outbox.SEND]), "apply_async", refuse)
    queue.publish(outbox.SEND, uuid.uuid4())
    assert "the sweep takes over mail.send" in caplog.text
