"""Lists as CSV files: RFC 4180, UTF-8 with a byte order mark, safe to open in a spreadsheet program.

The response is streamed, so memory does not grow with the number of rows.
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
# First characters of a formula (OWASP, CSV injection), with their full-width forms.
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# The same after line breaks within a cell. A program in a locale with semicolons as delimiter (German) does
# not recognise the quotes of our cells, and takes each line break as the end of a row.
SEPARATORS = frozenset(";\t\r\n")
BEFORE_A_FORMULA = re.compile(r'(?<![\s";])[\s";]+(?=[=+\-@＝＋－＠])')

Cell = object


def csv_response(
    file_name: str, header: Sequence[Cell], rows: Iterable[Sequence[Cell]]
) -> StreamingHttpResponse:
    """Stream the rows as `<file_name>-<today>.csv`, in the active language and time zone.

    rows may be a lazy iterator. The caller records the export in the audit log (exports.record).
    """
    response = StreamingHttpResponse(
        csv_chunks(Reader(), header, rows), content_type="text/csv; charset=utf-8; header=present"
    )
    name = f"{file_name}-{timezone.localdate():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def safe(cell: Cell) -> str:
    """The cell as text, with an apostrophe before the beginning of a formula."""
    if cell is None:
        return ""
    text = _moment(cell) if isinstance(cell, datetime) else str(cell)
    text = BEFORE_A_FORMULA.sub(_apart, text)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_BEGINNINGS) else text


def _apart(before: re.Match[str]) -> str:
    return f"{before[0]}'" if SEPARATORS & set(before[0]) else before[0]


def _moment(moment: datetime) -> str:
    """ISO 8601 with a space, seconds and offset, which all programs read unambiguously."""
    return timezone.localtime(moment).isoformat(sep=" ", timespec="seconds")


class Reader:
    """Context of the present request: language, time zone and request id."""

    def __init__(self) -> None:
        self._language = translation.get_language() or settings.LANGUAGE_CODE
        self._zone = timezone.get_current_timezone()
        self._visit = correlation.current()

    @contextmanager
    def served(self) -> Iterator[None]:
        """Activate the request's context, and log exceptions: the WSGI server iterates outside of it."""
        language, zone = translation.override(self._language), timezone.override(self._zone)
        with language, zone, correlation.bound(self._visit):
            try:
                yield
            except Exception:
                logger.exception("A file broke off while it was sent")
                raise


def csv_chunks(reader: Reader, header: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Yield the text of the file in chunks.

    Chunks are produced after the middleware has returned, so each one activates the request's context.
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
