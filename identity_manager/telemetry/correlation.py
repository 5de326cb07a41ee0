"""Correlation id (request id): one id in all log lines of a page view, and of every task that it started.

Held in structlog's context variables, per thread of the web server and per task of a worker.
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
    """Outcome that a task reports about itself, with its log level."""

    words: str
    level: int


def new() -> str:
    """Return a new random id."""
    return uuid.uuid4().hex


def accepted(given: object) -> str:
    """Return the id that the client or the task message sent, if it is well-formed; else a new one."""
    return given if isinstance(given, str) and _WELL_FORMED.fullmatch(given) else new()


def current() -> str:
    """The current id; empty outside a page view or task."""
    return str(contextvars.get_contextvars().get(REQUEST_ID, ""))


def facts() -> dict[str, str]:
    """The context of log lines: the id; for a page view the client network and user, for a task its name and
    row.
    """
    return {name: str(value) for name, value in contextvars.get_contextvars().items() if value}


def by_user(user_id: object) -> None:
    """Add the signed-in user to the log context of the current page view."""
    if USER in contextvars.get_contextvars():
        contextvars.bind_contextvars(**{USER: user_id})


@contextmanager
def collect_results() -> Iterator[list["Result"]]:
    """Collect the results that set_result reports while a task runs."""
    said: list[Result] = []
    before = _result.set(said)
    try:
        yield said
    finally:
        _result.reset(before)


def set_result(words: str, *, level: int = logging.INFO) -> None:
    """Report that the current task did not do its work, although it raised nothing."""
    said = _result.get()
    if said is not None:
        said.append(Result(words, level))


def propagated_id() -> str:
    """The id for a task that is published now: the current one; a new one where hands_on is False."""
    return (current() if _hands_on.get() else "") or new()


@contextmanager
def bound(number: str, *, hands_on: bool = True, **facts: Any) -> Iterator[None]:
    """Run under this id; further facts are added to the log lines."""
    before = _hands_on.set(hands_on)
    try:
        with contextvars.bound_contextvars(**{REQUEST_ID: number}, **facts):
            yield
    finally:
        _hands_on.reset(before)
