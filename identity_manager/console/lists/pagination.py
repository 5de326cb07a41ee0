"""Lists: order, pages, and a count that stops counting and says so."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property

from ca_bridge.database import read_replica
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


def page_size_of(request: HttpRequest) -> int:
    """How many rows a page has: as the officer has chosen, on any machine."""
    return int(getattr(request.user, "page_size", PAGE_SIZE))


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
        super().__init__(rows[: counting.COUNT_LIMIT], per_page)
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
        return min(self.counted, counting.COUNT_LIMIT)

    @property
    def has_more(self) -> bool:
        return self.counted > counting.COUNT_LIMIT

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
        self,
        found: Sequence[QuerySet[Any]],
        *,
        order: Sequence[str],
        drawn: ByKey,
        asked: str | None = None,
        per_page: int = PAGE_SIZE,
    ) -> None:
        super().__init__(found[0].order_by(*order), per_page=per_page, drawn=drawn)
        self._key = found[0].model._meta.pk
        self._sql, self._parameters = _in_order(found, order)
        self._begins = (_number_of(asked, -(-counting.COUNT_LIMIT // self.per_page)) - 1) * self.per_page
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
        size = min(self.per_page, counting.COUNT_LIMIT - begins)
        with read_replica.connection().cursor() as cursor:
            cursor.execute(f"{self._sql} LIMIT {size} OFFSET {begins}", self._parameters)
            rows = cursor.fetchall()
        return [key for key, _counted in rows], rows[0][1] if rows else 0


def _in_order(found: Sequence[QuerySet[Any]], order: Sequence[str]) -> tuple[str, Sequence[Any]]:
    """The SQL of the keys in order, beside each how many there are, and its parameters; empty for nothing.

    First found, then sorted: without MATERIALIZED, SQLite sorts everything that there is to be found.
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


def page_of(request: HttpRequest, paginator: CappedPaginator) -> "Page[Any]":
    """The page that the address asks for; the nearest one where there is no such page."""
    return paginator.get_page(request.GET.get("page"))
