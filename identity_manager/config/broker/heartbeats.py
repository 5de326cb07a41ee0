"""A worker's heartbeat does not wait for a broker that is away.

A worker tells the broker every two seconds that it is there. Celery's own heartbeat waits for a broker that
is away, in the loop in which the worker also hears that a task has ended, and that it has to end itself:
until the broker is back, it hears neither (docs/decisions/0024).
"""

from typing import Any

from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher


class UnwaitingDispatcher(EventDispatcher):
    """Sends an event at once, or keeps it for the next connection."""

    def send(self, type: str, *options: Any, **fields: Any) -> None:  # noqa: A002 Celery's own
        super().send(type, *options, **{**fields, "retry": False})


class UnwaitingEvents(Events):
    """What Celery makes its dispatchers of."""

    dispatcher_cls = f"{UnwaitingDispatcher.__module__}:{UnwaitingDispatcher.__name__}"
