"""Cached query plans (server-side prepared statements): to plan our statements costs more than to run them.

A database backend with `keeping_plans` and `with_constants` has them; with any other, nothing here changes
anything.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import Any


def caches_plans(connection: Any) -> bool:
    """Whether the backend caches plans."""
    return hasattr(connection, "keeping_plans")


def kept(connection: Any) -> AbstractContextManager[None]:
    """Context in which the backend may cache plans: SQL is the same each time, whatever the values."""
    keeping: AbstractContextManager[None] = getattr(connection, "keeping_plans", nullcontext)()
    return keeping


def with_constants(connection: Any, made: tuple[str, Sequence[Any]]) -> tuple[str, list[Any]]:
    """Compiled SQL with constants (states, numbers, empty strings) as literals; the rest are parameters.

    A cached plan serves any parameters, so for those the planner guesses how many rows match; for a literal
    it knows that, and which partial index contains them. Keys of officers and the like stay parameters: one
    plan serves all of them.
    """
    sql, parameters = made
    write = getattr(connection, "with_constants", None)
    if write is None:
        return sql, list(parameters)
    written: str = write(sql, parameters, _is_word)
    return written, [each for each in parameters if not _is_word(each)]


def _is_word(value: object) -> bool:
    return isinstance(value, Enum | int) or value == ""
