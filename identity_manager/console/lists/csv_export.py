"""Lists as CSV files: RFC 4180, UTF-8 with a byte order mark, safe to open in a spreadsheet program.

A file is written while it is sent, so it takes no more memory for a hundred thousand rows than for ten.
"""

import csv
import io
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils import timezone, translation

from identity_manager.telemetry import correlation

logger = logging.getLogger(__name__)
BYTE_ORDER_MARK = "\ufeff"  # without it, spreadsheet programs take UTF-8 for the machine's old code page
CHUNK = 500  # rows
# What makes a program take a cell for a formula (OWASP, CSV injection), the wide forms of East Asia too.
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# The same within a cell. A program that is set to German, say, separates cells by semicolons: it takes no
# quotation mark in the middle of a line for the beginning of a cell, and so each line end for one of a line.
SEPARATORS = frozenset(";\t\r\n")
BEFORE_A_FORMULA = re.compile(r'(?<![\s";])[\s";]+(?=[=+\-@＝＋－＠])')

Cell = object


def csv_response(
    file_name: str, header: Sequence[Cell], rows: Iterable[Sequence[Cell]]
) -> StreamingHttpResponse:
    """Send the rows as `<file_name>-<today>.csv`, in the language and time zone of now.

    rows may be an iterator that reads as it goes. The export is recorded by the caller (exports.record).
    """
    response = StreamingHttpResponse(
        csv_chunks(Reader(), header, rows), content_type="text/csv; charset=utf-8; header=present"
    )
    name = f"{file_name}-{timezone.localdate():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def safe(cell: Cell) -> str:
    """The cell as text that no spreadsheet program runs: a beginning of a formula gets an apostrophe."""
    if cell is None:
        return ""
    text = _moment(cell) if isinstance(cell, datetime) else str(cell)
    text = BEFORE_A_FORMULA.sub(_apart, text)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_BEGINNINGS) else text


def _apart(before: re.Match[str]) -> str:
    return f"{before[0]}'" if SEPARATORS & set(before[0]) else before[0]


def _moment(moment: datetime) -> str:
    """ISO 8601 with a space, to the second and with the offset: every program reads it, none guesses."""
    return timezone.localtime(moment).isoformat(sep=" ", timespec="seconds")


class Reader:
    """Who the file is for: language, time zone and number of the visit of now."""

    def __init__(self) -> None:
        self._language = translation.get_language() or settings.LANGUAGE_CODE
        self._zone = timezone.get_current_timezone()
        self._visit = correlation.current()

    @contextmanager
    def served(self) -> Iterator[None]:
        """As in the visit. What goes wrong has to be told here: who sends the file knows of no visit."""
        language, zone = translation.override(self._language), timezone.override(self._zone)
        with language, zone, correlation.bound(self._visit):
            try:
                yield
            except Exception:
                logger.exception("A file broke off while it was sent")
                raise


def csv_chunks(reader: Reader, header: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """The text of the file, piece by piece.

    The middleware has gone home when the rows are written, so each chunk is made as in the visit.
    """
    left = iter(rows)
    with reader.served():
        text = BYTE_ORDER_MARK + _lines([header])
    while text:
        yield text
        with reader.served():
            text = _lines(list(islice(left, CHUNK)))


def _lines(rows: Iterable[Sequence[Cell]]) -> str:
    place = io.StringIO(newline="")
    csv.writer(place, lineterminator="\r\n").writerows([safe(cell) for cell in row] for row in rows)
    return place.getvalue()
