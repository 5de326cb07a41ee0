"""A worker that cannot say that a task is done connects to the broker anew.

What it was given counts as unfinished until the broker knows that it is done. Where the broker is away at
that moment, Celery writes a line into its log and goes on: the worker then waits, on a connection that is
gone, for room that those messages take for ever, and fetches nothing any more. Connected anew, it has that
room. The broker gives such a message a second time later, and the task finds nothing left to do
(docs/decisions/0024; tests/cluster/test_broker_away.py).
"""

from typing import Any

from celery.bootsteps import StartStopStep
from celery.worker.request import Request

LOOK_SECONDS = 1.0


class Told:
    """The messages of which the broker was to be told that they are done, since the look before last."""

    def __init__(self) -> None:
        self._new: list[Any] = []
        self._old: list[Any] = []

    def note(self, message: Any) -> None:
        self._new.append(message)

    def look(self) -> None:
        """Raises ConnectionResetError where the broker has not heard of one: the connection is gone."""
        late, self._old = self._old, self._new
        self._new = []
        if any(not message.acknowledged for message in late):
            self.forget()
            raise ConnectionResetError("The broker could not be told that a task is done.")

    def forget(self) -> None:
        """What an earlier connection brought can be told to nobody."""
        self._new, self._old = [], []


told = Told()


class NotedRequest(Request):
    """A message that a worker was given. Celery tells the broker in the next round of its loop."""

    def acknowledge(self) -> None:
        super().acknowledge()
        told.note(self.message)

    def reject(self, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 Celery's own
        super().reject(requeue=requeue)
        told.note(self.message)


class LookAtAcknowledgements(StartStopStep):
    """Looks in the loop that reads from the broker: an error there is what a lost connection is."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **named: Any) -> None:
        super().__init__(consumer, **named)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        told.forget()
        self._timer = consumer.timer.call_repeatedly(LOOK_SECONDS, told.look)

    def stop(self, _consumer: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
