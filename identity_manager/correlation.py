"""The number under which everything is found in the logs that one visit, or one task by itself, has led to.

It stands in the context of whoever works: a thread that answers a visit, a worker that carries a task out.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from structlog import contextvars

REQUEST_ID = "request_id"
HEADER = "X-Request-ID"
_hands_on: ContextVar[bool] = ContextVar("hands_on", default=True)
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")


def new() -> str:
    """A number that nothing else has."""
    return uuid.uuid4().hex


def accepted(given: object) -> str:
    """The number that was handed over, if it is well-formed; else a new one."""
    return given if isinstance(given, str) and _WELL_FORMED.fullmatch(given) else new()


def current() -> str:
    """The number of what is being done here; empty where nothing is."""
    return str(contextvars.get_contextvars().get(REQUEST_ID, ""))


def facts() -> dict[str, str]:
    """What each line of the log says besides: the number, and in a worker the task and the row."""
    return {name: str(value) for name, value in contextvars.get_contextvars().items()}


def to_hand_on() -> str:
    """The number for what is started here: the present one, or one of its own where many things are started
    that have nothing to do with each other, as by the sweep."""
    return (current() if _hands_on.get() else "") or new()


@contextmanager
def bound(number: str, *, hands_on: bool = True, **facts: Any) -> Iterator[None]:
    """Work under this number; facts are words that its lines of the log say besides."""
    before = _hands_on.set(hands_on)
    try:
        with contextvars.bound_contextvars(**{REQUEST_ID: number}, **facts):
            yield
    finally:
        _hands_on.reset(before)
