"""Publishing of tasks to the broker after commit; the only module that enqueues.

A message has the task's name, the id of a row (of several mails for SEND_MAIL) and the correlation id,
nothing else.
"""

import logging
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from amqp.exceptions import AMQPError
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import ChannelError, KombuError
from redis.exceptions import RedisError

from ca_bridge.telemetry import TRACE
from identity_manager.task_names import TOGETHER
from identity_manager.telemetry import correlation, instruments

# AttributeError: kombu's, of a connection that breaks while its channel is made.
BROKEN = (KombuError, AMQPError, RedisError, OSError, AttributeError)

logger = logging.getLogger(__name__)


def after_commit(task: str, row_id: uuid.UUID) -> None:
    """Publish the task once the caller's transaction is committed.

    Never raises for a broker that is down: the row is due in the database, and the sweep does the rest.
    """
    transaction.on_commit(lambda: publish(task, row_id))


def all_after_commit(task: str, row_ids: Sequence[uuid.UUID]) -> None:
    """The same for several rows, with as few messages as publish_all."""
    transaction.on_commit(lambda: publish_all(task, row_ids))


def call_after_commit(call: Callable[[], None]) -> None:
    """Call it in this process once the caller's transaction is committed; what it raises is logged."""
    transaction.on_commit(call, robust=True)


def publish_all(task: str, row_ids: Sequence[uuid.UUID]) -> None:
    """Publish now: a message for each row, or for as many as the task takes together (TOGETHER)."""
    size = TOGETHER.get(task, 1)
    for start in range(0, len(row_ids), size):
        publish(task, *row_ids[start : start + size])


def publish(task: str, *row_ids: uuid.UUID) -> None:
    """Publish one message now. The task is looked up in the registry, because send_task ignores eager mode.

    RabbitMQ confirms each message, and nothing while it lacks memory or disk: a page does not wait for that.
    """
    patience, names = settings.BROKER_ANSWER_SECONDS, tuple(map(str, row_ids))
    try:
        current_app.tasks[task].apply_async(
            args=names,
            headers=_headers(),
            confirm_timeout=patience,  # type: ignore[call-arg]  # celery-types does not know it
        )
    except BROKEN as error:
        instruments.UNPUBLISHED.inc()
        said = " ".join(names)
        logger.warning("The broker is not reachable; the sweep takes over %s %s: %s", task, said, error)


def _headers() -> dict[str, str]:
    return {**TRACE.headers(), correlation.REQUEST_ID: correlation.propagated_id()}


def name_of(task: str) -> str:
    """The queue that the task's messages go to."""
    return str(current_app.amqp.router.route({}, task)["queue"].name)


def length(name: str) -> int | None:
    """How many messages wait in a queue that nobody has taken yet; None where the broker is not reachable."""
    if current_app.conf.task_always_eager:
        return 0
    try:
        # A connection of its own: one of the pool's that broke stays broken until something is published.
        with current_app.connection_for_write() as connection:
            return _length(connection.default_channel, name)
    except BROKEN as error:
        logger.warning("The broker is not reachable; what is due waits for the next sweep: %s", error)
        return None


def _length(channel: Any, name: str) -> int:
    """Length of a queue; 0 for one that does not exist yet."""
    try:
        return int(channel.queue_declare(queue=name, passive=True).message_count)
    except ChannelError:
        return 0
