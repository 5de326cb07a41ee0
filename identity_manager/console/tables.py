"""Lists: order, pages, and a count that stops counting and says so."""

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.functional import cached_property

PAGE_SIZE = 25
COUNT_LIMIT = 1000

Orders = Mapping[str, tuple[str, ...]]


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # takes none when it runs
    """Pages over at most COUNT_LIMIT rows; has_more says that there are others."""

    def __init__(self, rows: QuerySet[Any], *, per_page: int = PAGE_SIZE) -> None:
        super().__init__(rows[:COUNT_LIMIT], per_page)
        self._rows = rows

    @cached_property
    def _counted(self) -> int:
        return self._rows.order_by()[: COUNT_LIMIT + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self._counted, COUNT_LIMIT)

    @property
    def has_more(self) -> bool:
        return self._counted > COUNT_LIMIT


def order_of(request: HttpRequest, orders: Orders, default: str) -> str:
    """The order that the address asks for ("name" or "-name"), or the default for one that nobody knows."""
    asked = request.GET.get("sort", default)
    return asked if asked.removeprefix("-") in orders else default


def in_order(rows: QuerySet[Any], sort: str, orders: Orders) -> QuerySet[Any]:
    """The rows in that order; the identifier decides between equals, so that pages never overlap."""
    columns = orders[sort.removeprefix("-")]
    if sort.startswith("-"):
        columns = tuple(
            column.removeprefix("-") if column.startswith("-") else f"-{column}" for column in columns
        )
    return rows.order_by(*columns, "pk")


def page_of(request: HttpRequest, paginator: CappedPaginator) -> "Page[Any]":
    """The page that the address asks for; the nearest one where there is no such page."""
    return paginator.get_page(request.GET.get("page"))


def grouped(number: int) -> str:
    """The number as people write it: 2,000 in English, 2.000 in German."""
    return number_format(number, force_grouping=True)
