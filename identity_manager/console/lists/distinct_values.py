"""Distinct values of a column, for the choices of a filter (a loose index scan)."""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from ca_bridge.database import query_plans, read_replica
from identity_manager.console.lists.counting import _fetched


def known_values(rows: QuerySet[Any], *columns: str, limit: int) -> list[list[str]]:
    """For each of these indexed columns, its distinct values, ascending, the empty one left out."""
    return fetch_values(*compile_values(rows, *columns, limit=limit))


def compile_values(rows: QuerySet[Any], *columns: str, limit: int) -> tuple[list[str], list[Any]]:
    """SQL of each column (empty for EmptyResultSet), and the parameters of all.

    A recursive query jumps from each value to the next: DISTINCT would read a million rows for ten values.
    The condition "not empty" is repeated in the recursive part, because the index may be partial; it comes
    last, because SQLite starts its index range at the first bound in the text.
    """
    parts: list[str] = []
    parameters: list[Any] = []
    for place, column in enumerate(columns):
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
            f"SELECT value FROM known WHERE value IS NOT NULL LIMIT {int(limit)}) known"
        )
        sql, values = query_plans.with_constants(read_replica.connection(), (sql, [*with_first, *with_after]))
        parts.append(sql)
        parameters += values
    return parts, parameters


def fetch_values(parts: list[str], parameters: list[Any], *, always: bool = False) -> list[list[str]]:
    """Fetch the values of compile_values() in one query. always: as in counting.fetch_counts."""
    known: list[list[str]] = [[] for _ in parts]
    there = [part for part in parts if part]
    for place, value in _fetched(there, parameters, always=always):
        known[place].append(value)
    return known


def _least(rows: QuerySet[Any], column: str) -> tuple[str, tuple[Any, ...]]:
    return rows.order_by(column).values(column)[:1].query.sql_with_params()
