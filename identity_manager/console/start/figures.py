"""Figures on START: number and link to its list."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from identity_manager.console.lists import counting
from identity_manager.ui.parts import MEANING_ICONS, Meaning

NOT_COUNTED = counting.CappedCount(0)
Label = Callable[[int], str]


@dataclass
class Figure:
    """A number and its list. rows: the queryset; None for a known number. total: set once all are counted."""

    words: Label
    url: str
    meaning: Meaning
    rows: Callable[[], QuerySet[Any]] | None = None
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
