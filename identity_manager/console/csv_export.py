"""Lists as CSV files: RFC 4180, UTF-8 with a byte order mark, safe to open in a spreadsheet program.

A file is written while it is sent, so it takes no more memory for a hundred thousand rows than for ten.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from itertools import islice

from django.http import StreamingHttpResponse
from django.utils import timezone, translation

BYTE_ORDER_MARK = "\ufeff"  # without it, spreadsheet programs take UTF-8 for the machine's old code page
CHUNK = 500  # rows
# What makes a program take a cell for a formula (OWASP, CSV injection), the wide forms of East Asia too.
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Cell = object


def csv_response(
    file_name: str, header: Sequence[Cell], rows: Iterable[Sequence[Cell]]
) -> StreamingHttpResponse:
    """Send the rows as `<file_name>-<today>.csv`, in the language and time zone of now.

    rows may be an iterator that reads as it goes. The export is recorded by the caller (exports.record).
    """
    here = (translation.get_language() or "en", timezone.get_current_timezone())
    response = StreamingHttpResponse(
        _chunks(header, rows, here=here), content_type="text/csv; charset=utf-8; header=present"
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
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_BEGINNINGS) else text


def _moment(moment: datetime) -> str:
    """ISO 8601 with a space, to the second and with the offset: every program reads it, none guesses."""
    return timezone.localtime(moment).isoformat(sep=" ", timespec="seconds")


def _chunks(
    header: Sequence[Cell], rows: Iterable[Sequence[Cell]], *, here: tuple[str, tzinfo]
) -> Iterator[str]:
    """The middleware has gone home when the rows are written, so language and zone are set for each chunk."""
    left = iter(rows)
    language, zone = here
    with translation.override(language):
        text = BYTE_ORDER_MARK + _lines([header])
    while text:
        yield text
        with translation.override(language), timezone.override(zone):
            text = _lines(list(islice(left, CHUNK)))


def _lines(rows: Iterable[Sequence[Cell]]) -> str:
    place = io.StringIO(newline="")
    csv.writer(place, lineterminator="\r\n").writerows([safe(cell) for cell in row] for row in rows)
    return place.getvalue()
