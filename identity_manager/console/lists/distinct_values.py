"""Distinct values of columns, for the choices of filters (a loose index scan)."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import Model, Q, QuerySet
from django.db.models.expressions import RawSQL

from ca_bridge.database import query_plans, read_replica
from identity_manager.console.lists.counting import fetch_parts

OFFERED = 500  # at most


@dataclass(frozen=True)
class Values:
    """The values of an indexed column in the rows that match."""

    model: type[Model]
    column: str
    rows: Q = field(default_factory=Q)


def known_values(*asked: Values) -> list[list[str]]:
    """For each of them its distinct values, ascending, the empty one left out; in one query."""
    parts, parameters = _compiled(read_replica.connection().vendor, asked)
    known: list[list[str]] = [[] for _ in parts]
    for place, value in fetch_parts([part for part in parts if part], parameters, always=True):
        known[place].append(value)
    return known


@lru_cache(maxsize=200)
def _compiled(_vendor: str, asked: tuple[Values, ...]) -> tuple[list[str], list[Any]]:
    """SQL of each (empty for EmptyResultSet), and the parameters of all.

    Cached, because pages with filters run it each time, and compiling takes longer than running. A recursive
    query jumps from each value to the next: DISTINCT would read a million rows for ten values. The condition
    "not empty" is repeated in the recursive part, because the index may be partial; it comes last, because
    SQLite starts its index range at the first bound in the text.
    """
    parts: list[str] = []
    parameters: list[Any] = []
    for place, values in enumerate(asked):
        column, rows = values.column, values.model._default_manager.filter(values.rows)
        try:
            first, with_first = _least(rows.filter(**{f"{column}__gt": ""}), column)
            beyond = rows.filter(**{f"{column}__gt": RawSQL("known.value", ())})
            after, with_after = _least(beyond.filter(**{f"{column}__gt": ""}), column)
        except EmptyResultSet:
            parts.append("")
            continue
        sql = (
            f"SELECT {place}, value FROM (WITH RECURSIVE known(value) AS (SELECT ({first}) UNION ALL "  # noqa: S608 as Django compiled it
            f"SELECT ({after}) FROM known WHERE known.value IS NOT NULL) "
            f"SELECT value FROM known WHERE value IS NOT NULL LIMIT {OFFERED}) known"
        )
        sql, constants = query_plans.with_constants(
            read_replica.connection(), (sql, [*with_first, *with_after])
        )
        parts.append(sql)
        parameters += constants
    return parts, parameters


def _least(rows: QuerySet[Any], column: str) -> tuple[str, tuple[Any, ...]]:
    return rows.order_by(column).values(column)[:1].query.sql_with_params()
