"""Non-blocking worker heartbeats while the broker is away.

A worker sends a heartbeat every two seconds. Celery's own event dispatcher retries while the broker is away,
and blocks the event loop, in which the worker also handles results of its processes and its own shutdown
(docs/decisions/0024).
"""

from typing import Any

from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher


class UnwaitingDispatcher(EventDispatcher):
    """Sends an event without retry, or buffers it for the next connection."""

    def send(self, type: str, *options: Any, **fields: Any) -> None:  # noqa: A002 Celery's own
        super().send(type, *options, **{**fields, "retry": False})


class UnwaitingEvents(Events):
    """Celery's factory of dispatchers, with this one."""

    dispatcher_cls = f"{UnwaitingDispatcher.__module__}:{UnwaitingDispatcher.__name__}"
