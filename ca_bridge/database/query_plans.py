"""Cached query plans (server-side prepared statements): to plan our statements costs more than to run them.

A database backend with `keeping_plans` and `with_constants` has them; with any other, or with PLAIN_QUERIES
in the settings, nothing here changes anything.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import Any

from django.conf import settings


def caches_plans(connection: Any) -> bool:
    """Whether plans are cached: the backend can, and PLAIN_QUERIES is not set."""
    return hasattr(connection, "keeping_plans") and not settings.PLAIN_QUERIES


def kept(connection: Any) -> AbstractContextManager[None]:
    """Context in which the backend may cache plans: SQL is the same each time, whatever the values."""
    keeping: AbstractContextManager[None] = (
        connection.keeping_plans() if caches_plans(connection) else nullcontext()
    )
    return keeping


def with_constants(connection: Any, made: tuple[str, Sequence[Any]]) -> tuple[str, list[Any]]:
    """Compiled SQL with constants (states, numbers, empty strings) as literals; the rest are parameters.

    A cached plan serves any parameters, so for those the planner guesses how many rows match; for a literal
    it knows that, and which partial index contains them. Keys of officers and the like stay parameters: one
    plan serves all of them.
    """
    sql, parameters = made
    write = getattr(connection, "with_constants", None)
    if write is None or settings.PLAIN_QUERIES:
        return sql, list(parameters)
    written: str = write(sql, parameters, _is_word)
    return written, [each for each in parameters if not _is_word(each)]


def _is_word(value: object) -> bool:
    return isinstance(value, Enum | int) or value == ""
