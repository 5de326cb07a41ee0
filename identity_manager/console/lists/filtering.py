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
    """Which things have one of the rows that name them in that column; key is what of the thing it names.

    Few rows lead to their things. Of many, each thing is asked for its own, in the order of its list, so that
    a page is full soon.
    """
    few = keys_if_few(rows.order_by(), column)
    return Q(Exists(rows.filter(**{column: OuterRef(key)}))) if few is None else Q(**{f"{key}__in": few})


def of_matching_persons(rows: QuerySet[Any], path: str, persons: QuerySet[Person], *beside: Q) -> Q:
    """Which of the rows belong to one of these persons, to whom the path leads, or fulfil what stands beside.

    Few persons lead to their rows; each way has its own index, and of all in one condition a database reads
    everything. Of many, the rows are looked through in the order of the list instead, so that a page is full
    soon: to work out what millions of rows belong to takes a minute (measured: all mails of *@*).
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
    """PostgreSQL asks each person for the words; SQLite's index of words is asked once, and remembered."""
    if connection.vendor == "sqlite":
        return Q(**{f"{path}__in": persons.order_by().values("pk")})
    return Q(Exists(persons.order_by().filter(pk=OuterRef(f"{path}_id"))))


def keys_if_few(rows: QuerySet[Any], column: str) -> list[Any] | None:
    """What stands in that column, where there are few rows; None where there are many.

    Keys that are given leave a database no doubt where to begin; a subquery does.
    """
    found = list(rows.values_list(column, flat=True)[: MANY + 1])
    return found if len(found) <= MANY else None
