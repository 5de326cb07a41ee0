"""Declaration of a kind of open task (Source), and its section on the page; page.SOURCES has them all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise

from ca_bridge.database.planned_rows import planned
from identity_manager.console.access import offices
from identity_manager.console.lists import counting
from identity_manager.console.lists.columns import Columns, DrawnTable
from identity_manager.models import Person
from identity_manager.ui.parts import Meaning

SHOWN = 25
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # nothing had lapsed or expired then


@dataclass(frozen=True)
class More:
    """A link below a list, to another page for the same tasks.

    page, query: URL name and parameters.  beyond: the link is shown if the list has more rows than that.
    """

    label: str | Promise
    page: str
    query: str = ""
    beyond: int = 0

    @property
    def url(self) -> str:
        return f"{reverse(self.page)}{self.query}"


@dataclass(frozen=True)
class Bulk:
    """Bulk actions: check boxes before the rows, and buttons below them.

    named: value and label of a row's check box. action: URL name of the form's default target.
    """

    checkbox: str
    named: Callable[[Any], tuple[object, object]]
    buttons: str  # a template
    action: str


@dataclass(frozen=True)
class Beginning:
    """Prepared queries of what waits in a source: the first rows (so many at most), and how many, up to one
    beyond COUNT_LIMIT. Each gives None for an officer for whom it is not prepared.
    """

    rows: Callable[[Person, datetime, int], list[Any] | None]
    number: Callable[[Person, datetime], int | None]


@dataclass(frozen=True, eq=False)
class Source:
    """One kind of open task.

    roles: of officers who have such tasks; `waiting` limits them to their units.
    waiting: queryset for this officer at that time, oldest first.
    also: a queryset of another model, below them in the same list.
    any_waiting: querysets of what may wait for any officer at any time, by conditions that an index answers
    and no setting changes: where they have no row, `waiting` and `also` have none. Without them, nothing is
    known before the count.
    beginning: prepared queries of the same.
    columns: of the table.  lead: text above it; more: link below it.
    bulk: bulk actions.  together: template with a button for all, below the list.
    prepared: prefetches what the cells of a page's rows read.
    sentence: text on START beside the number.  empty: text without tasks; without it the section is left out.
    counts: whether the number on the tab includes them.
    """

    name: str
    title: str | Promise
    roles: frozenset[str]
    waiting: Callable[[Person, datetime], QuerySet[Any]]
    columns: Columns
    sentence: Callable[[int], str]
    also: tuple[Callable[[Person, datetime], QuerySet[Any]], ...] = ()
    any_waiting: tuple[Callable[[], QuerySet[Any]], ...] = ()
    beginning: Beginning | None = None
    empty: str | Promise = ""
    counts: bool = True
    meaning: Meaning = Meaning.WAITING
    lead: str | Promise = ""
    more: "More | None" = None
    bulk: "Bulk | None" = None
    together: str = ""
    prepared: Callable[[list[Any]], list[Any]] = list

    def concerns(self, actor: Person) -> bool:
        """Whether one of the officer's roles has to do with it."""
        return offices.holds(actor, self.roles)

    def lists(self, actor: Person, now: datetime) -> list[QuerySet[Any]]:
        """Querysets of the tasks that wait for this officer, one after another."""
        return [waiting(actor, now) for waiting in (self.waiting, *self.also)]

    def known_number(self, actor: Person, now: datetime) -> int | None:
        """How many wait, up to one beyond COUNT_LIMIT, where a prepared query says it."""
        return self.beginning.number(actor, now) if self.beginning else None

    def first_rows(self, actor: Person, now: datetime, at_most: int) -> list[Any] | None:
        """The first rows, where a prepared query gives them."""
        return self.beginning.rows(actor, now, at_most) if self.beginning else None


class Joined:
    """Concatenation of querysets for a paginator: counted up to COUNT_LIMIT, and sliced.

    lists: makes them, when they are needed. counted: the number of rows, up to one beyond COUNT_LIMIT, where
    it is known.
    """

    def __init__(
        self, lists: Callable[[], Sequence[QuerySet[Any]]], counted: Callable[[], int | None] = lambda: None
    ) -> None:
        self._make_lists = lists
        self._counted = counted

    @cached_property
    def _lists(self) -> Sequence[QuerySet[Any]]:
        return self._make_lists()

    @cached_property
    def total(self) -> counting.CappedCount:
        number = self._counted()
        if number is None:
            number = sum(counting.counts(map(counting.limited, self._lists), always=True))
        return counting.capped(number)

    def count(self) -> int:
        return self.total.number

    def __getitem__(self, part: slice) -> list[Any]:
        start, stop = part.start or 0, part.stop
        found: list[Any] = []
        for rows in self._lists:
            here = planned(rows.all()[start:stop])
            found += here
            if len(here) == stop - start:
                break
            end = start + len(here) if here or not start else rows.count()
            start, stop = max(start - end, 0), stop - end
        return found


@dataclass(frozen=True)
class Section:
    """A source's section for one officer. asked: the requested page of it, if any.

    counted: the known number of tasks, up to one beyond COUNT_LIMIT.
    """

    source: Source
    actor: Person
    asked: str = ""
    counted: int | None = None

    @cached_property
    def _now(self) -> datetime:
        return timezone.now()

    @cached_property
    def _joined(self) -> Joined:
        if self.counted == 0:
            return Joined(list, lambda: 0)
        return Joined(partial(self.source.lists, self.actor, self._now), self._known_number)

    def _known_number(self) -> int | None:
        return self.source.known_number(self.actor, self._now) if self.counted is None else self.counted

    @cached_property
    def page(self) -> "Page[Any]":
        """The oldest come first. Nothing is counted where all are shown, or where that is known."""
        paginator: Paginator[Any] = Paginator(self._joined, SHOWN)  # type: ignore[arg-type]  # it cuts and counts
        if self.asked:
            return paginator.get_page(self.asked)
        beginning = self._first_rows(SHOWN + 1)
        if len(beginning) <= SHOWN:
            paginator.count = len(beginning)  # as if it had been counted
        return Page(beginning[:SHOWN], 1, paginator)

    def _first_rows(self, number: int) -> list[Any]:
        known = None if self.counted == 0 else self.source.first_rows(self.actor, self._now, number)
        return self._joined[:number] if known is None else known

    @property
    def has_more(self) -> bool:
        """Whether there are more tasks than COUNT_LIMIT."""
        return self.page.paginator.count > SHOWN and self._joined.total.more

    @property
    def number(self) -> int:
        """Number of tasks, up to one beyond COUNT_LIMIT."""
        return self.page.paginator.count + self.has_more

    @property
    def title(self) -> str:
        """The localised number of tasks; empty for none."""
        number = self.page.paginator.count
        return counting.CappedCount(number, self.has_more).title if number else ""

    @cached_property
    def rows(self) -> list[Any]:
        """Rows on the page, prepared once; at most SHOWN."""
        return self.source.prepared(list(self.page))

    @property
    def table(self) -> DrawnTable:
        """The same with their columns."""
        columns, bulk = self.source.columns, self.source.bulk
        if bulk is None:
            return columns.draw(self.actor, self.rows)
        return columns.draw_selectable(
            self.actor, self.rows, sort=None, selected=(), checkbox=bulk.checkbox, named=bulk.named
        )

    @property
    def more(self) -> More | None:
        """The link below the list, where there are rows enough for it."""
        more = self.source.more
        return more if more and len(self.rows) > more.beyond else None

    @property
    def is_shown(self) -> bool:
        return bool(self.rows or self.source.empty)

    @property
    def anchor(self) -> str:
        """HTML id of the section on the page."""
        return f"tasks-{self.source.name}"
