"""What OPEN TASKS needs to know of a kind of thing that waits for an officer; sources.SOURCES says it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise

from identity_manager.console.access import offices
from identity_manager.console.lists import counting
from identity_manager.console.lists.columns import Columns, DrawnTable
from identity_manager.models import Person
from identity_manager.ui.parts import Meaning

SHOWN = 25


@dataclass(frozen=True)
class More:
    """A link below a list, to a page where the same is done in another way.

    page, query: the name of its address, and its parameters.  beyond: it is there where more rows are shown.
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
    """Check boxes before the rows, and buttons below them.

    named: what a row's box posts, and its name. action: the name of the address that the form is sent to,
    where a button names no other.
    """

    checkbox: str
    named: Callable[[Any], tuple[object, object]]
    buttons: str  # a template
    action: str


@dataclass(frozen=True)
class Source:
    """One kind of thing that waits for an officer.

    roles: who has it; within_units is for waiting to keep.
    waiting: the rows for this officer at that moment, oldest first.
    also: rows of another kind, below them in the same list.
    columns: of their table.  lead: said above it; more: what leads on, below it.
    bulk: what is done to several rows at once.  together: a template with a button for all, below the list.
    prepared: has the rows of a page know what their cells read.
    sentence: what START says beside the number.  empty: said where nothing waits; without it the section is
    left out then.
    counts: whether it is something to do now, so that the tab's number counts it.
    """

    name: str
    title: str | Promise
    roles: frozenset[str]
    waiting: Callable[[Person, datetime], QuerySet[Any]]
    columns: Columns
    sentence: Callable[[int], str]
    also: tuple[Callable[[Person, datetime], QuerySet[Any]], ...] = ()
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
        """What waits for this officer, one after another."""
        return [waiting(actor, now) for waiting in (self.waiting, *self.also)]


class Joined:
    """What waits in several lists, as one that a paginator counts, up to COUNT_LIMIT, and cuts.

    counted: how many there are, where that is known: to one beyond COUNT_LIMIT.
    """

    def __init__(self, lists: Sequence[QuerySet[Any]], counted: int | None = None) -> None:
        self._lists = lists
        self._counted = counted

    @cached_property
    def total(self) -> counting.CappedCount:
        if self._counted is None:
            return counting.capped(sum(counting.counts(map(counting.limited, self._lists))))
        return counting.capped(self._counted)

    def count(self) -> int:
        return self.total.number

    def __getitem__(self, part: slice) -> list[Any]:
        start, stop = part.start or 0, part.stop
        found: list[Any] = []
        for rows in self._lists:
            here = list(rows[start:stop])
            found += here
            if len(here) == stop - start:
                break
            end = start + len(here) if here or not start else rows.count()
            start, stop = max(start - end, 0), stop - end
        return found


@dataclass(frozen=True)
class Section:
    """A source as this officer has it. asked: the page of it that the address says, if any.

    counted: how many wait, where that is known: to one beyond what is counted.
    lists: what waits, where that was made to count it.
    """

    source: Source
    actor: Person
    asked: str = ""
    counted: int | None = None
    lists: list[QuerySet[Any]] | None = None

    @cached_property
    def _joined(self) -> Joined:
        if self.counted == 0:
            return Joined([], 0)
        return Joined(self.lists or self.source.lists(self.actor, timezone.now()), self.counted)

    @cached_property
    def page(self) -> "Page[Any]":
        """The oldest come first. Nothing is counted where all are shown, or where that is known."""
        paginator: Paginator[Any] = Paginator(self._joined, SHOWN)  # type: ignore[arg-type]  # it cuts and counts
        if self.asked:
            return paginator.get_page(self.asked)
        beginning = self._joined[: SHOWN + 1]
        if len(beginning) <= SHOWN:
            paginator.count = len(beginning)  # as if it had been counted
        return Page(beginning[:SHOWN], 1, paginator)

    @property
    def has_more(self) -> bool:
        """Whether others wait beyond those that are counted and have pages."""
        return self.page.paginator.count > SHOWN and self._joined.total.more

    @property
    def title(self) -> str:
        """How many wait, as people write it; nothing where nothing waits."""
        number = self.page.paginator.count
        return counting.CappedCount(number, self.has_more).title if number else ""

    @property
    def rows(self) -> list[Any]:
        """Those on the page; at most SHOWN."""
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
        """Where it begins on the page."""
        return f"tasks-{self.source.name}"
