"""Pagination: order, pages, and counts capped at COUNT_LIMIT."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property

from ca_bridge.database import read_replica
from ca_bridge.database.planned_rows import planned
from identity_manager.console.lists import counting
from identity_manager.console.lists.counting import (
    CappedCount,
    capped,
    compile_counts,
    counts,
    limited,
)
from identity_manager.models.people.account import PAGE_SIZES

PAGE_SIZE = PAGE_SIZES[0]

Orders = Mapping[str, tuple[str, ...]]
ByKey = Callable[[list[Any]], Mapping[Any, Any]]


def page_size_of(request: HttpRequest) -> int:
    """Rows per page, the officer's choice, stored with their account."""
    return int(getattr(request.user, "page_size", PAGE_SIZE))


def in_bulk(rows: QuerySet[Any], keys: Sequence[Any]) -> dict[Any, Any]:
    """As QuerySet.in_bulk(); that of a full page has the same SQL each time."""
    return {row.pk: row for row in planned(rows.filter(pk__in=keys))}


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # takes none when it runs
    """Pages over at most COUNT_LIMIT rows. has_more: there are further rows.

    by_key: gives complete rows with joins (deferred join). A page is found as keys by an index in the
    order of the list, and only its rows are read completely: with all joins in one statement, the planner may
    sort a million joined rows.
    """

    def __init__(
        self, rows: QuerySet[Any], *, per_page: int = PAGE_SIZE, by_key: ByKey | None = None
    ) -> None:
        super().__init__(rows[: counting.COUNT_LIMIT], per_page)
        self._rows = rows
        self._by_key = by_key
        self._key = rows.model._meta.pk
        self._begins = -1  # of the page whose keys are known
        self._keys: list[Any] = []

    def get_page(self, number: float | str | None) -> "Page[Any]":
        """The page; the nearest one if it does not exist. Its keys come with the count, in one statement."""
        if self._by_key is not None and "counted" not in self.__dict__:
            self._begins = self._beginning_of(number)
            self._keys, self.counted = self._with_count(self._begins)
        return super().get_page(number)

    def page(self, number: int | str) -> "Page[Any]":
        page = super().page(number)
        if self._by_key is not None:
            keys = self.keys_of(page)
            found = self._by_key(keys)
            page.object_list = [found[key] for key in keys if key in found]
        return page

    def keys_of(self, page: "Page[Any]") -> list[Any]:
        """The keys of the page's rows, in their order."""
        if (page.number - 1) * self.per_page == self._begins:
            return [self._key.to_python(key) for key in self._keys]
        return list(page.object_list.values_list("pk", flat=True))  # type: ignore[attr-defined]  # rows

    def _beginning_of(self, asked: float | str | None) -> int:
        """Number of rows before the requested page, as far as that is known before the count."""
        return (_number_of(asked, -(-counting.COUNT_LIMIT // self.per_page)) - 1) * self.per_page

    def _with_count(self, begins: int) -> tuple[list[Any], int]:
        """Keys of a page, as returned by the driver, and the number of all rows."""
        end = min(begins + self.per_page, counting.COUNT_LIMIT)
        keys = self._rows.values("pk")[begins:end]
        (counted, listed), parameters = compile_counts([self.to_be_counted(), keys])
        if not counted or not listed:
            return [], 0
        # Outer: the number is known for a page beyond the last one, too.
        numbered = f"SELECT COUNT(*) FROM ({counted}) counted"  # noqa: S608 as Django compiled it
        sql = f"SELECT * FROM ({numbered}) numbered LEFT JOIN ({listed}) listed ON TRUE"  # noqa: S608 as Django compiled it
        with read_replica.connection().cursor() as cursor:
            cursor.execute(sql, parameters)
            rows = cursor.fetchall()
        return [key for _number, key in rows if key is not None], rows[0][0]

    @cached_property
    def counted(self) -> int:
        """Number of rows, counted up to one beyond COUNT_LIMIT."""
        return self.to_be_counted().count()

    def to_be_counted(self) -> QuerySet[Any]:
        """Keys of the rows up to the limit, without annotations that only the list shows."""
        return limited(self._rows)

    @cached_property
    def count(self) -> int:
        return min(self.counted, counting.COUNT_LIMIT)

    @property
    def has_more(self) -> bool:
        return self.counted > counting.COUNT_LIMIT

    @property
    def total(self) -> CappedCount:
        return capped(self.counted)


class FoundPaginator(CappedPaginator):
    """Runs a text search once for count and page, as it may be slow and no index has its results sorted.

    With more results than COUNT_LIMIT, only the first ones found are sorted.
    found: disjoint querysets; results of the first come first.
    order: as for in_order(), of columns that `found` has.
    asked: the requested page, which is fetched together with the count.
    """

    def __init__(
        self,
        found: Sequence[QuerySet[Any]],
        *,
        order: Sequence[str],
        by_key: ByKey,
        asked: str | None = None,
        per_page: int = PAGE_SIZE,
    ) -> None:
        super().__init__(found[0].order_by(*order), per_page=per_page, by_key=by_key)
        self._sql, self._parameters = _in_order(found, order)
        self._begins = self._beginning_of(asked)
        self._keys, counted = self._looked_up(self._begins)
        self.counted = counted if self._keys or not self._begins else self._looked_up(0)[1]

    def keys_of(self, page: "Page[Any]") -> list[Any]:
        begins = (page.number - 1) * self.per_page
        if begins != self._begins:
            self._begins, (self._keys, _counted) = begins, self._looked_up(begins)
        return [self._key.to_python(key) for key in self._keys]

    def _looked_up(self, begins: int) -> tuple[list[Any], int]:
        """Keys of a page, as returned by the driver, and the total; 0 if the page is empty."""
        if not self._sql:
            return [], 0
        size = min(self.per_page, counting.COUNT_LIMIT - begins)
        with read_replica.connection().cursor() as cursor:
            cursor.execute(f"{self._sql} LIMIT {size} OFFSET {begins}", self._parameters)
            rows = cursor.fetchall()
        return [key for key, _counted in rows], rows[0][1] if rows else 0


def _in_order(found: Sequence[QuerySet[Any]], order: Sequence[str]) -> tuple[str, Sequence[Any]]:
    """SQL of the sorted keys with the total in each row, and its parameters; empty for EmptyResultSet.

    A MATERIALIZED CTE limits before sorting: without it, SQLite sorts all results.
    """
    wanted = [column.removeprefix("-") for column in order]
    there = [rows.order_by().values(*wanted)[: counting.COUNT_LIMIT + 1] for rows in found]
    parts, parameters = compile_counts(there)
    if not all(parts):
        return "", ()
    names = (read_replica.connection().ops.quote_name(column) for column in wanted)
    ways = (" DESC" if column.startswith("-") else "" for column in order)
    by = ", ".join(f"{name}{way}" for name, way in zip(names, ways, strict=True))
    keys = f"SELECT pk, (SELECT COUNT(*) FROM found) FROM found ORDER BY {by}"  # noqa: S608 as Django compiled it
    return f"WITH found AS MATERIALIZED ({_one_after_the_other(parts)}) {keys}", parameters


def _one_after_the_other(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    rows = " UNION ALL ".join(f"SELECT * FROM ({sql}) part" for sql in parts)  # noqa: S608 as Django compiled it
    return f"{rows} LIMIT {counting.COUNT_LIMIT + 1}"


def _number_of(asked: float | str | None, most: int) -> int:
    """The requested page number, before the count is known, at most the last possible one."""
    try:
        return min(max(int(asked or 1), 1), most)
    except ValueError:
        return 1


def count_together(paginators: Iterable[CappedPaginator]) -> None:
    """Count all paginators in one query."""
    counted = list(paginators)
    for paginator, number in zip(counted, counts(each.to_be_counted() for each in counted), strict=True):
        paginator.counted = number


def order_of(asked_for: QueryDict, orders: Orders, default: str) -> str:
    """The requested order ("name" or "-name"); the default for an unknown one."""
    asked = asked_for.get("sort", default)
    return asked if asked.removeprefix("-") in orders else default


def in_order(rows: QuerySet[Any], sort: str, orders: Orders) -> QuerySet[Any]:
    """The rows in that order."""
    return rows.order_by(*columns(sort, orders))


def columns(sort: str, orders: Orders) -> tuple[str, ...]:
    """Columns to sort by, with the primary key as tie-breaker, so that pages never overlap.

    The key has the same direction as the others, so one index serves both directions.
    """
    upwards = (*orders[sort.removeprefix("-")], "pk")
    if not sort.startswith("-"):
        return upwards
    return tuple(column.removeprefix("-") if column.startswith("-") else f"-{column}" for column in upwards)


def page_of(request: HttpRequest, paginator: CappedPaginator) -> "Page[Any]":
    """The requested page; the nearest one if it does not exist."""
    return paginator.get_page(request.GET.get("page"))
