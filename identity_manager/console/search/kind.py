"""What SEARCH needs to know of a kind of thing; person_list, request_list and certificate_list say it."""

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
WithMore = Callable[[QuerySet[Any]], QuerySet[Any]]


@dataclass(frozen=True)
class Table:
    """The list of a kind, and its CSV file.

    prepared: the rows that the cells of its columns take.  checkbox: what a row posts.  named: key and name
    of a row, for its check box.  rows: the rows of the model with what the cells need.
    order: the one unless another is asked for; order_where: instead of it, where this filter is set.
    file_name, export_rows: of the CSV file, and its rows with what its cells need.
    """

    columns: Columns
    prepared: Callable[[Person, Iterable[Any]], Sequence[Any]]
    order: str
    checkbox: str
    named: Callable[[Any], tuple[object, object]]
    file_name: str
    export_rows: WithMore
    rows: WithMore = field(default=lambda rows: rows)
    order_where: Mapping[str, str] = field(default_factory=dict)
    more_orders: Orders = field(default_factory=dict)

    @cached_property
    def orders(self) -> Orders:
        return {**self.more_orders, **self.columns.orders}


@dataclass(frozen=True)
class Beside:
    """What is wanted, and cannot be a row of the list; the page where it stands, for who may open that."""

    words: str
    url: str


def _nothing(_actor: Person, _wanted: Wanted) -> Beside | None:
    return None


@dataclass(frozen=True)
class SearchKind:
    """One kind of thing.

    readers: the roles that may look for it.  reach: the rows that this officer may find.
    drawn: the rows of a page by their keys, where a prepared query finds them, instead of table.rows.
    parts: what found returns, in querysets without a common row, the nearest to the words first.
    found: those of them that are wanted.  with_order: rows with whatever the orders sort by.
    counted, too_many: sentences with found and total.  nothing, advice: what is said where none is found.
    beside: what is said beside the list.
    """

    name: str
    label: Words
    icon: str
    readers: frozenset[str]
    form: type[KindForm]
    reach: Callable[[Person], QuerySet[Any]]
    found: Found
    table: Table
    counted: Words
    too_many: Words
    nothing: Words
    advice: Words
    hint: Words = field(default="")
    beside: Callable[[Person, Wanted], Beside | None] = field(default=_nothing)
    with_order: Found = field(default=lambda rows, _wanted: rows)
    drawn: Callable[[Person], ByKey] | None = None
    parts: Callable[[QuerySet[Any], Wanted], list[QuerySet[Any]]] | None = None


def beginning(day: date) -> datetime:
    """The first moment of the day, where the officer is."""
    return timezone.make_aware(datetime.combine(day, time.min))


def in_days(days: str) -> datetime:
    """The first moment of the day in so many days; before today where they are negative."""
    return beginning(timezone.localdate() + timedelta(days=int(days)))
