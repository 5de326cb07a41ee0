"""Reconnect a worker whose acknowledgement (ack) was lost.

A message counts against the prefetch limit until the broker has its ack. If the connection is lost at that
moment, Celery only logs it: the worker then waits on a dead connection, its prefetch window full for ever,
and fetches nothing any more. A new connection empties the window. The broker redelivers such a message later,
and the task, which is idempotent, finds nothing to do (docs/decisions/0024;
tests/cluster/test_broker_away.py).
"""

from typing import Any

from celery.bootsteps import StartStopStep
from celery.worker.request import Request

LOOK_SECONDS = 1.0


class Acknowledged:
    """Messages that were acknowledged since the check before last."""

    def __init__(self) -> None:
        self._new: list[Any] = []
        self._old: list[Any] = []

    def note(self, message: Any) -> None:
        self._new.append(message)

    def look(self) -> None:
        """Raises ConnectionResetError if one of them has no ack at the broker: the connection is dead."""
        late, self._old = self._old, self._new
        self._new = []
        if any(not message.acknowledged for message in late):
            self.forget()
            raise ConnectionResetError("The broker could not be told that a task is done.")

    def forget(self) -> None:
        """Drop messages of a former connection, which cannot be acknowledged any more."""
        self._new, self._old = [], []


acknowledged = Acknowledged()


class NotedRequest(Request):
    """A received message; Celery sends its ack in the next round of its event loop."""

    def acknowledge(self) -> None:
        super().acknowledge()
        acknowledged.note(self.message)

    def reject(self, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 Celery's own
        super().reject(requeue=requeue)
        acknowledged.note(self.message)


class LookAtAcknowledgements(StartStopStep):
    """Checks in the consumer's event loop, where an error counts as a lost connection: Celery reconnects."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **named: Any) -> None:
        super().__init__(consumer, **named)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        acknowledged.forget()
        self._timer = consumer.timer.call_repeatedly(LOOK_SECONDS, acknowledged.look)

    def stop(self, _consumer: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
