"""Filters of lists by related rows, for few and for many persons."""

from functools import reduce
from operator import or_
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from identity_manager.console.lists.counting import counts
from identity_manager.models import Person

MANY = 1000


def with_related(rows: QuerySet[Any], column: str, key: str = "pk") -> Q:
    """Condition: objects to which one of these rows refers by `column`, which holds the object's `key`.

    With few rows: `key IN (...)`. With many: a correlated EXISTS, which the database evaluates in the order
    of the list, so that it can stop when a page is full.
    """
    few = keys_if_few(rows.order_by(), column)
    return Q(Exists(rows.filter(**{column: OuterRef(key)}))) if few is None else Q(**{f"{key}__in": few})


def of_matching_persons(rows: QuerySet[Any], path: str, persons: QuerySet[Person], *beside: Q) -> Q:
    """Condition: rows whose person (at `path`) is one of these, or that fulfil a condition of `beside`.

    With few persons: a UNION of one subquery per condition, each with its own index, because an OR would scan
    everything. With many: conditions that the database evaluates in the order of the list, so that it can
    stop when a page is full; to collect all matching rows can take a minute (measured: all mails of *@*).
    """
    everything = rows.order_by().values("pk")
    few = keys_if_few(persons.order_by(), "pk")
    if few is not None:
        first, *others = (everything.filter(each) for each in (Q(**{f"{path}__in": few}), *beside))
        return Q(pk__in=first.union(*others) if others else first)
    there = counts(everything.filter(each)[:1] for each in beside)
    fulfilled = (each for each, number in zip(beside, there, strict=True) if number)
    return reduce(or_, fulfilled, _of_many(path, persons))


def _of_many(path: str, persons: QuerySet[Person]) -> Q:
    """The condition for many persons: EXISTS on PostgreSQL; IN on SQLite, which materialises FTS results."""
    if connection.vendor == "sqlite":
        return Q(**{f"{path}__in": persons.order_by().values("pk")})
    return Q(Exists(persons.order_by().filter(pk=OuterRef(f"{path}_id"))))


def keys_if_few(rows: QuerySet[Any], column: str) -> list[Any] | None:
    """The values of the column if there are at most MANY rows; else None.

    With literal keys the planner uses their index; with a subquery it may choose another plan.
    """
    found = list(rows.values_list(column, flat=True)[: MANY + 1])
    return found if len(found) <= MANY else None
