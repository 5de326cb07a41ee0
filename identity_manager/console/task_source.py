"""What OPEN TASKS needs to know of a kind of thing that waits for an officer; open_tasks.SOURCES says it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise

from identity_manager.console import access, tables
from identity_manager.console.kept_counts import Moment
from identity_manager.models import Person
from identity_manager.ui.parts import Meaning

SHOWN = 25


@dataclass(frozen=True)
class Source:
    """One kind of thing that waits for an officer.

    roles: who has it; within_units is for waiting to keep.
    waiting: the rows for this officer at that moment, oldest first; it looks up nothing (kept_counts).
    also: rows of another kind, below them in the same list.
    template: draws them, as `rows`.  sentence: what START says beside the number.
    empty: said where nothing waits; without it the section is left out then.
    counts: whether it is something to do now, so that the tab's number counts it.
    """

    name: str
    title: str | Promise
    roles: frozenset[str]
    waiting: Callable[[Person, Moment], QuerySet[Any]]
    template: str
    sentence: Callable[[int], str]
    also: tuple[Callable[[Person, Moment], QuerySet[Any]], ...] = ()
    empty: str | Promise = ""
    counts: bool = True
    meaning: Meaning = Meaning.WAITING

    def concerns(self, actor: Person) -> bool:
        """Whether one of the officer's roles has to do with it."""
        return access.holds(actor, self.roles)

    def lists(self, actor: Person, now: Moment) -> list[QuerySet[Any]]:
        """What waits for this officer, one after another."""
        return [waiting(actor, now) for waiting in (self.waiting, *self.also)]


class Joined:
    """What waits in several lists, as one that a paginator counts and cuts."""

    def __init__(self, lists: Sequence[QuerySet[Any]]) -> None:
        self._lists = lists

    def count(self) -> int:
        return sum(rows.count() for rows in self._lists)

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
    """

    source: Source
    actor: Person
    asked: str = ""
    counted: int | None = None

    @cached_property
    def page(self) -> "Page[Any]":
        """The oldest come first. Nothing is counted where all are shown, or where that is known."""
        if self.counted == 0:
            return Paginator([], SHOWN).get_page(1)
        joined = Joined(self.source.lists(self.actor, timezone.now()))
        paginator: Paginator[Any] = Paginator(joined, SHOWN)  # type: ignore[arg-type]  # it cuts and counts
        if self.asked:
            return paginator.get_page(self.asked)
        beginning = joined[: SHOWN + 1]
        if len(beginning) <= SHOWN:
            paginator.count = len(beginning)  # as if it had been counted
        elif self.counted is not None and self.counted <= tables.COUNT_LIMIT:
            paginator.count = max(self.counted, len(beginning))
        return Page(beginning[:SHOWN], 1, paginator)

    @property
    def number(self) -> int:
        """How many wait."""
        return self.page.paginator.count

    @property
    def rows(self) -> list[Any]:
        """Those on the page; at most SHOWN."""
        return list(self.page)

    @property
    def is_shown(self) -> bool:
        return bool(self.rows or self.source.empty)

    @property
    def anchor(self) -> str:
        """Where it begins on the page."""
        return f"tasks-{self.source.name}"
