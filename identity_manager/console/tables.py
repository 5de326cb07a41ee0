"""Lists: order, pages, and a count that stops counting and says so."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Protocol

from django.core.exceptions import EmptyResultSet
from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, QueryDict
from django.utils.formats import number_format
from django.utils.functional import cached_property

from ca_bridge import plans
from identity_manager.models import Person

PAGE_SIZE = 25
COUNT_LIMIT = 1000
TOTAL_LIMIT = 10_000
MANY = 1000

Orders = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class CappedCount:
    """How many there are, counted no further than COUNT_LIMIT: more says that there are others."""

    number: int
    more: bool = False

    def __bool__(self) -> bool:
        return self.number > 0

    def __str__(self) -> str:
        return f"{self.number}+" if self.more else str(self.number)

    @property
    def title(self) -> str:
        """As people write it; with a plus where there are others, as the list says too."""
        return grouped(self.number) + ("+" if self.more else "")


class ByKey(Protocol):
    """What brings rows by their keys: a queryset, or something that keeps its SQL."""

    def in_bulk(self, id_list: Any, /) -> Mapping[Any, Any]: ...


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # takes none when it runs
    """Pages over at most COUNT_LIMIT rows; has_more says that there are others.

    drawn: all rows, with what belongs to them. A page is found as keys then, which an index gives in their
    order, and only what is on it is read whole: of everything in one statement, a database may begin
    anywhere, and sort a million rows with all that belongs to them.
    """

    def __init__(self, rows: QuerySet[Any], *, per_page: int = PAGE_SIZE, drawn: ByKey | None = None) -> None:
        super().__init__(rows[:COUNT_LIMIT], per_page)
        self._rows = rows
        self._drawn = drawn

    def page(self, number: int | str) -> "Page[Any]":
        page = super().page(number)
        if self._drawn is not None:
            keys = self.keys_of(page)
            found = self._drawn.in_bulk(keys)
            page.object_list = [found[key] for key in keys if key in found]
        return page

    def keys_of(self, page: "Page[Any]") -> list[Any]:
        """The keys of the page's rows, in their order."""
        return list(page.object_list.values_list("pk", flat=True))  # type: ignore[attr-defined]  # rows

    @cached_property
    def counted(self) -> int:
        """How many there are, counted to one beyond the limit."""
        return self.to_be_counted().count()

    def to_be_counted(self) -> QuerySet[Any]:
        """The keys of the rows as far as they are counted: nothing is worked out that only the list shows."""
        return limited(self._rows)

    @cached_property
    def count(self) -> int:
        return min(self.counted, COUNT_LIMIT)

    @property
    def has_more(self) -> bool:
        return self.counted > COUNT_LIMIT

    @property
    def total(self) -> CappedCount:
        return capped(self.counted)


class FoundPaginator(CappedPaginator):
    """Looks up what is found once, in order: words may take long, and no index has what they find in one.

    Where there is more than is counted, the order is one of those that were found first.
    found: in parts that have no row together; whoever is in the first is found first.
    order: as in_order says it, of what found has.
    asked: the page that an address asks for, which is looked up together with how many there are.
    """

    def __init__(
        self, found: Sequence[QuerySet[Any]], *, order: Sequence[str], drawn: ByKey, asked: str | None = None
    ) -> None:
        super().__init__(found[0].order_by(*order), drawn=drawn)
        self._key = found[0].model._meta.pk
        self._sql, self._parameters = _in_order(found, order)
        self._begins = (_number_of(asked, -(-COUNT_LIMIT // self.per_page)) - 1) * self.per_page
        self._keys, counted = self._looked_up(self._begins)
        self.counted = counted if self._keys or not self._begins else self._looked_up(0)[1]

    def keys_of(self, page: "Page[Any]") -> list[Any]:
        begins = (page.number - 1) * self.per_page
        if begins != self._begins:
            self._begins, (self._keys, _counted) = begins, self._looked_up(begins)
        return [self._key.to_python(key) for key in self._keys]

    def _looked_up(self, begins: int) -> tuple[list[Any], int]:
        """The keys of a page as the driver brings them, and how many there are: 0 where none is on it."""
        if not self._sql:
            return [], 0
        size = min(self.per_page, COUNT_LIMIT - begins)
        with connection.cursor() as cursor:
            cursor.execute(f"{self._sql} LIMIT {size} OFFSET {begins}", self._parameters)
            rows = cursor.fetchall()
        return [key for key, _counted in rows], rows[0][1] if rows else 0


def _in_order(found: Sequence[QuerySet[Any]], order: Sequence[str]) -> tuple[str, Sequence[Any]]:
    """The SQL of the keys in order, beside each how many there are, and its parameters; empty for nothing.

    First found, then sorted: without MATERIALIZED, SQLite sorts everything that there is to be found.
    """
    wanted = [column.removeprefix("-") for column in order]
    there = [rows.order_by().values(*wanted)[: COUNT_LIMIT + 1] for rows in found]
    parts, parameters = counting(there)
    if not all(parts):
        return "", ()
    names = (connection.ops.quote_name(column) for column in wanted)
    ways = (" DESC" if column.startswith("-") else "" for column in order)
    by = ", ".join(f"{name}{way}" for name, way in zip(names, ways, strict=True))
    keys = f"SELECT pk, (SELECT COUNT(*) FROM found) FROM found ORDER BY {by}"  # noqa: S608 as Django compiled it
    return f"WITH found AS MATERIALIZED ({_one_after_the_other(parts)}) {keys}", parameters


def _one_after_the_other(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return " UNION ALL ".join(f"({sql})" for sql in parts) + f" LIMIT {COUNT_LIMIT + 1}"


def _number_of(asked: str | None, most: int) -> int:
    """Which page that is likely to be; the paginator knows once it has counted."""
    try:
        return min(max(int(asked or 1), 1), most)
    except ValueError:
        return 1


def count_together(paginators: Iterable[CappedPaginator]) -> None:
    """Count all of them in one query: a page with ten numbers asks once, not ten times."""
    counted = list(paginators)
    for paginator, number in zip(counted, counts(each.to_be_counted() for each in counted), strict=True):
        paginator.counted = number


def limited(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The keys of the rows, as far as they are counted."""
    return rows.order_by().values("pk")[: COUNT_LIMIT + 1]


def capped(number: int) -> CappedCount:
    """What was counted, up to COUNT_LIMIT."""
    return CappedCount(min(number, COUNT_LIMIT), more=number > COUNT_LIMIT)


def counts(lists: Iterable[QuerySet[Any]]) -> list[int]:
    """The number of rows of each, in one query."""
    return asked(*counting(lists))


def counting(lists: Iterable[QuerySet[Any]]) -> tuple[list[str], list[Any]]:
    """The SQL of each of the lists, empty where there can be no row, and the parameters of all."""
    parts: list[str] = []
    parameters: list[Any] = []
    for rows in lists:
        try:
            sql, values = plans.with_constants(connection, rows.query.sql_with_params())
        except EmptyResultSet:
            parts.append("")
            continue
        parts.append(sql)
        parameters += values
    return parts, parameters


def asked(parts: list[str], parameters: list[Any], *, always: bool = False) -> list[int]:
    """What counting made, asked in one query. always: every page asks the same, so that its plan is kept.

    Each is a SELECT of its own: within another one's columns SQLite counts rows, not entries of an index
    (measured with 10,000 of them: 10 ms instead of 0.5).
    """
    numbers = [0] * len(parts)
    there = [
        f"SELECT {place}, COUNT(*) FROM ({sql}) counted"  # noqa: S608 as Django compiled it
        for place, sql in enumerate(parts)
        if sql
    ]
    for place, number in _fetched(there, parameters, always=always):
        numbers[place] = number
    return numbers


def _fetched(there: list[str], parameters: list[Any], *, always: bool) -> list[tuple[Any, ...]]:
    if not there:
        return []
    with plans.kept(connection) if always else nullcontext(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(there), parameters)
        return list(cursor.fetchall())


def having(rows: QuerySet[Any], column: str, key: str = "pk") -> Q:
    """Which things have one of the rows that name them in that column; key is what of the thing it names.

    Few rows lead to their things. Of many, each thing is asked for its own, in the order of its list, so that
    a page is full soon.
    """
    few = few_of(rows.order_by(), column)
    return Q(Exists(rows.filter(**{column: OuterRef(key)}))) if few is None else Q(**{f"{key}__in": few})


def of_persons(rows: QuerySet[Any], path: str, persons: QuerySet[Person], *beside: Q) -> Q:
    """Which of the rows belong to one of these persons, to whom the path leads, or fulfil what stands beside.

    Few persons lead to their rows; each way has its own index, and of all in one condition a database reads
    everything. Of many, the rows are looked through in the order of the list instead, so that a page is full
    soon: to work out what millions of rows belong to takes a minute (measured: all mails of *@*).
    """
    everything = rows.order_by().values("pk")
    few = few_of(persons.order_by(), "pk")
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


def few_of(rows: QuerySet[Any], column: str) -> list[Any] | None:
    """What stands in that column, where there are few rows; None where there are many.

    Keys that are given leave a database no doubt where to begin; a subquery does.
    """
    found = list(rows.values_list(column, flat=True)[: MANY + 1])
    return found if len(found) <= MANY else None


def order_of(asked_for: QueryDict, orders: Orders, default: str) -> str:
    """The order that the address asks for ("name" or "-name"), or the default for one that nobody knows."""
    asked = asked_for.get("sort", default)
    return asked if asked.removeprefix("-") in orders else default


def in_order(rows: QuerySet[Any], sort: str, orders: Orders) -> QuerySet[Any]:
    """The rows in that order."""
    return rows.order_by(*columns(sort, orders))


def columns(sort: str, orders: Orders) -> tuple[str, ...]:
    """What is sorted by. The identifier decides between equals, so that pages never overlap.

    It goes the same way as the rest: then one index serves both directions.
    """
    upwards = (*orders[sort.removeprefix("-")], "pk")
    if not sort.startswith("-"):
        return upwards
    return tuple(column.removeprefix("-") if column.startswith("-") else f"-{column}" for column in upwards)


def known_values(rows: QuerySet[Any], *columns: str, limit: int) -> list[list[str]]:
    """For each of these indexed columns, its distinct values, ascending, the empty one left out."""
    return asked_values(*making_values(rows, *columns, limit=limit))


def making_values(rows: QuerySet[Any], *columns: str, limit: int) -> tuple[list[str], list[Any]]:
    """The SQL of each column, empty where there can be no row, and the parameters of all.

    From each value straight to the next: DISTINCT would read the column of a million rows for ten values.
    That none is empty is said of the next one, too: an index may know no others. It is said last, because
    SQLite begins in the index at the first bound that it reads.
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
        sql, values = plans.with_constants(connection, (sql, [*with_first, *with_after]))
        parts.append(sql)
        parameters += values
    return parts, parameters


def asked_values(parts: list[str], parameters: list[Any], *, always: bool = False) -> list[list[str]]:
    """What making_values made, asked in one query. always: as in asked."""
    known: list[list[str]] = [[] for _ in parts]
    there = [part for part in parts if part]
    for place, value in _fetched(there, parameters, always=always):
        known[place].append(value)
    return known


def _least(rows: QuerySet[Any], column: str) -> tuple[str, tuple[Any, ...]]:
    return rows.order_by(column).values(column)[:1].query.sql_with_params()


def page_of(request: HttpRequest, paginator: CappedPaginator) -> "Page[Any]":
    """The page that the address asks for; the nearest one where there is no such page."""
    return paginator.get_page(request.GET.get("page"))


def grouped(number: int) -> str:
    """The number as people write it: 2,000 in English, 2.000 in German."""
    return number_format(number, force_grouping=True)
