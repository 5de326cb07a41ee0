"""The number under which everything is found in the logs that one visit, or one task by itself, has led to.

It stands in the context of whoever works: a thread that answers a visit, a worker that carries a task out.
"""

import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from structlog import contextvars

REQUEST_ID = "request_id"
HEADER = "X-Request-ID"
USER = "user"
_hands_on: ContextVar[bool] = ContextVar("hands_on", default=True)
_result: ContextVar["list[Result] | None"] = ContextVar("result", default=None)
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Result(NamedTuple):
    """What a task says of itself, and how bad that is (a level of logging)."""

    words: str
    level: int


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
    """What each line of the log says besides: the number; of a visit, from which network and by whom; in a
    worker the task and the row."""
    return {name: str(value) for name, value in contextvars.get_contextvars().items() if value}


def by_user(user_id: object) -> None:
    """Say in the lines of this visit, too, who has signed in; it ends with the visit, which has begun it."""
    if USER in contextvars.get_contextvars():
        contextvars.bind_contextvars(**{USER: user_id})


@contextmanager
def collect_results() -> Iterator[list["Result"]]:
    """Around a task: what is said of its result meanwhile; empty where nothing is to be said."""
    said: list[Result] = []
    before = _result.set(said)
    try:
        yield said
    finally:
        _result.reset(before)


def set_result(words: str, *, level: int = logging.INFO) -> None:
    """Of the task that is carried out: that it did not do what it was for, though nothing was raised."""
    said = _result.get()
    if said is not None:
        said.append(Result(words, level))


def propagated_id() -> str:
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
