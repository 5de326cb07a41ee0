"""Printable documents: sections of key-value pairs, tables and steps, drawn by print/document.html."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from identity_manager.models import Person
from identity_manager.models.words import Words
from identity_manager.ui import dates
from identity_manager.ui.parts import Pair

DASH = "–"
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class SheetTable:
    """A table; each row has as many cells as the head."""

    head: Sequence[Words]
    rows: Sequence[Sequence[object]]

    @classmethod
    def of(cls, rows: Iterable[_Row], *columns: tuple[Words, Callable[[_Row], object]]) -> Self:
        """A line for each row. columns: the label of each, and its cell as a function of a row."""
        cells = [[cell(row) for _label, cell in columns] for row in rows]
        return cls([label for label, _cell in columns], cells)


@dataclass(frozen=True)
class Instruction:
    """A numbered instruction, with the lines to type, if any."""

    words: Words
    command: str = ""


@dataclass(frozen=True)
class SheetSection:
    """A part with its heading. empty: said where there are neither pairs nor rows nor steps."""

    title: Words
    lead: Words = ""
    pairs: Sequence[Pair] = ()
    table: SheetTable | None = None
    steps: Sequence[Instruction] = ()
    empty: Words = ""

    @property
    def is_empty(self) -> bool:
        rows = self.table.rows if self.table else ()
        return not (self.pairs or rows or self.steps)


@dataclass(frozen=True)
class Document:
    """Printable document. back: the page that it was made from."""

    title: Words
    subject: str
    lead: Words
    made_by: Person
    back: str
    sections: Sequence[SheetSection]


def response(request: HttpRequest, document: Document) -> HttpResponse:
    """The document as a page of its own, which no cache keeps."""
    context = {"document": document, "made_at": moment(timezone.now())}
    answer = render(request, "identity_manager/print/document.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


def moment(at: datetime | None) -> str:
    """Day, date, time to the second, time zone and its distance from UTC; a dash for none."""
    if at is None:
        return DASH
    offset = timezone.localtime(at).utcoffset() or timedelta()
    sign, minutes = "-" if offset < timedelta() else "+", abs(offset) // timedelta(minutes=1)
    return f"{dates.exact(at)} (UTC{sign}{minutes // 60:02}:{minutes % 60:02})"
