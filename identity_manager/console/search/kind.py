"""Declaration of a kind of object for SEARCH, made by persons.py, requests.py and certificates.py."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from identity_manager.console.lists.columns import Columns
from identity_manager.console.lists.pagination import ByKey, Orders
from identity_manager.console.search.forms import KindForm
from identity_manager.models import Person
from identity_manager.models.words import Words

Wanted = Mapping[str, Any]
Found = Callable[[QuerySet[Any], Wanted], QuerySet[Any]]
TOTAL = "number"  # in the sentences that count: it decides between singular and plural
WithMore = Callable[[QuerySet[Any]], QuerySet[Any]]


@dataclass(frozen=True)
class Table:
    """The list of a kind, and its CSV file.

    prepared: converts model rows to the rows of the cells.  checkbox: name of the check boxes.  named: value
    and label of a row's check box.  order: the default order; order_where: another if a filter is set.
    file_name, export_rows: of the CSV file, and columns and joins for it.
    """

    columns: Columns
    prepared: Callable[[Person, Iterable[Any]], Sequence[Any]]
    order: str
    checkbox: str
    named: Callable[[Any], tuple[object, object]]
    file_name: str
    export_rows: WithMore
    order_where: Mapping[str, str] = field(default_factory=dict)
    more_orders: Orders = field(default_factory=dict)

    @cached_property
    def orders(self) -> Orders:
        return {**self.more_orders, **self.columns.orders}


@dataclass(frozen=True)
class Beside:
    """A hint beside the list: matches that are no rows of it, with their page, if the officer may open it."""

    words: str
    url: str


def _nothing(_actor: Person, _wanted: Wanted) -> Beside | None:
    return None


@dataclass(frozen=True)
class SearchKind:
    """One kind of object.

    readers: roles that may search it.  reach: rows that this officer may find.
    found: applies words and filters.  parts: the same as disjoint querysets, nearest matches first.
    by_key: gives the rows of a page by their keys, which this officer was found to reach.
    with_order: adds the annotations that orders sort by.
    counted, too_many: sentences with found and total.  nothing, advice: texts for an empty result.
    beside: hint beside the list.
    """

    name: str
    label: Words
    icon: str
    readers: frozenset[str]
    form: type[KindForm]
    reach: Callable[[Person], QuerySet[Any]]
    found: Found
    by_key: Callable[[Person], ByKey]
    table: Table
    counted: Words
    too_many: Words
    nothing: Words
    advice: Words
    hint: Words = field(default="")
    beside: Callable[[Person, Wanted], Beside | None] = field(default=_nothing)
    with_order: Found = field(default=lambda rows, _wanted: rows)
    parts: Callable[[QuerySet[Any], Wanted], list[QuerySet[Any]]] | None = None


def beginning(day: date) -> datetime:
    """The first moment of the day, where the officer is."""
    return timezone.make_aware(datetime.combine(day, time.min))


def in_days(days: str) -> datetime:
    """The first moment of the day in so many days; before today where they are negative."""
    return beginning(timezone.localdate() + timedelta(days=int(days)))
