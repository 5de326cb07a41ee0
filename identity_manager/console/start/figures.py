"""Figures on START and **Renewals**: number and link to its list."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from identity_manager.console.lists import counting
from identity_manager.console.search import saved_searches
from identity_manager.console.search import search as searching
from identity_manager.models import Person
from identity_manager.ui.parts import MEANING_ICONS, Meaning

NOT_COUNTED = counting.CappedCount(0)
Label = Callable[[int], str]


@dataclass
class Figure:
    """A number and its list. rows: the queryset; or ask: gives the number. total: set once all are known."""

    words: Label
    url: str
    meaning: Meaning
    rows: Callable[[], QuerySet[Any]] | None = None
    ask: Callable[[], int] | None = None
    total: counting.CappedCount = NOT_COUNTED

    @property
    def number(self) -> int:
        return self.total.number

    @property
    def label(self) -> str:
        return self.words(self.number)

    @property
    def title(self) -> str:
        """The localised number."""
        return self.total.title

    @property
    def icon_name(self) -> str:
        """The meaning's own icon; a quiet one where there is nothing to look at."""
        return MEANING_ICONS[self.meaning if self.number else Meaning.QUIET]


def count(
    figures: Iterable[Figure],
    saved: Iterable[saved_searches.Saved] = (),
    *,
    remembered: Callable[[Callable[[], list[int]]], list[int]] = lambda counted: counted(),
) -> None:
    """All rows in one query. remembered: gives what was counted a moment ago, or counts."""
    every, searches = list(figures), [each.found for each in saved]
    listed, asked = [each for each in every if each.rows], [each for each in every if each.ask]

    def counted() -> list[int]:
        lists = [counting.limited(each.rows()) for each in listed if each.rows]
        lists += [each.to_be_counted() for each in searches]
        return [*(each.ask() for each in asked if each.ask), *counting.counts(lists, always=not searches)]

    numbers = iter(remembered(counted))
    for figure in (*asked, *listed):
        figure.total = counting.capped(next(numbers))
    for paginator in searches:
        paginator.counted = next(numbers)


def found(actor: Person, label: Label, meaning: Meaning, **asked: str) -> Figure:
    """Number of results of a search, counted like its list."""
    kind = searching.KINDS[asked["kind"]]
    page, query = reverse("console:search"), urlencode(asked)
    if asked["kind"] == "request":
        page, query = reverse("console:requests"), urlencode({**asked, "kind": ""}).removeprefix("kind=&")
    return Figure(label, f"{page}?{query}", meaning, lambda: searching.asking(kind, actor, asked).rows())
