"""Reads persons from a CSV file: UTF-8 or UTF-16, comma, semicolon or tab, the columns in any order.

It only parses, record by record, and changes nothing.
"""

import codecs
import csv
import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from identity_manager.person_fields import DIRECTORY_FIELDS, REQUIRED_FIELDS

if TYPE_CHECKING:
    from _csv import Reader

SEPARATORS = (",", ";", "\t")  # the last: what spreadsheets call Unicode text


class UnreadableFile(Exception):  # noqa: N818 named for what the person reads
    """The file as a whole cannot be read; the sentence says why."""


@dataclass(frozen=True)
class CsvRow:
    """One person of the file: the line where the record begins (from 1), and value by column.

    problem: why the record is malformed, or empty.
    """

    line: int
    values: dict[str, str]
    problem: str = ""


def read(content: bytes) -> list[CsvRow]:
    """Return the rows of the file, empty lines left out. Raises UnreadableFile."""
    text = _decode(content)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        return list(_rows(lines, _columns))
    except csv.Error as error:
        raise UnreadableFile(
            _("Line %(line)s is not CSV: %(error)s.") % {"line": lines.line_num, "error": error}
        ) from error


def read_columns(content: bytes, wanted: Collection[str]) -> Iterator[CsvRow]:
    """The rows of a file whose header names these columns, in lower case. Raises UnreadableFile."""
    text = _decode(content)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        yield from _rows(lines, partial(_wanted_columns, wanted=wanted))
    except csv.Error as error:
        raise UnreadableFile(
            _("Line %(line)s is not CSV: %(error)s.") % {"line": lines.line_num, "error": error}
        ) from error


def read_numbers(content: bytes) -> list[str]:
    """The personnel numbers of a file: its only column, or the column that its first line calls so.

    A list that SEARCH has exported can be taken as it is, in whatever language. Raises UnreadableFile.
    """
    text = _decode(content)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        records = [record for record in lines if any(cell.strip() for cell in record)]
    except csv.Error as error:
        raise UnreadableFile(
            _("Line %(line)s is not CSV: %(error)s.") % {"line": lines.line_num, "error": error}
        ) from error
    if not records:
        raise UnreadableFile(_("The file is empty."))
    header = [cell.strip().lower() for cell in records[0]]
    place = next((place for place, name in enumerate(header) if name in _number_headers()), None)
    if place is None and len(header) > 1:
        raise UnreadableFile(_("The first line names no column personnel_number."))
    rows = records if place is None else records[1:]
    cells = [record[place or 0].strip() if len(record) > (place or 0) else "" for record in rows]
    return [cell for cell in cells if cell]


def _number_headers() -> set[str]:
    names = {"personnel_number"}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            names.add(_("Personnel number").lower())
    return names


def _decode(content: bytes) -> str:
    """Decode by the byte order mark; without one as UTF-8. Raises UnreadableFile."""
    encoding = "utf-8-sig"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(
            _("The file is neither UTF-8 nor UTF-16: line %(line)s holds other bytes. Save it as UTF-8.")
            % {"line": line}
        ) from error
    if "\x00" in text:
        raise UnreadableFile(_("The file holds zero bytes. Save it as UTF-8."))
    return text


def _separator(text: str) -> str:
    """The delimiter, detected in the header: no column name contains one."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(SEPARATORS, key=header.count)


def _rows(lines: "Reader", columns_of: Callable[[list[str]], list[str]]) -> Iterator[CsvRow]:
    columns: list[str] = []
    begins = 1
    for record in lines:
        if any(cell.strip() for cell in record):
            if columns:
                yield _row(columns, record, begins)
            else:
                columns = columns_of(record)
        begins = lines.line_num + 1
    if not columns:
        raise UnreadableFile(_("The file is empty."))


def _columns(header: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in header]
    words = {"known": ", ".join(DIRECTORY_FIELDS)}
    for name in names:
        if name not in DIRECTORY_FIELDS:
            raise UnreadableFile(
                _("The header names an unknown column, %(name)s. Known are: %(known)s.")
                % {**words, "name": ascii(name)}
            )
        if names.count(name) > 1:
            raise UnreadableFile(_("The header names the column %(name)s twice.") % {"name": name})
    if lacking := [name for name in REQUIRED_FIELDS if name not in names]:
        raise UnreadableFile(
            _("The header lacks the column %(names)s.") % {"names": ", ".join(lacking)},
        )
    return names


def _wanted_columns(header: list[str], *, wanted: Collection[str]) -> list[str]:
    names = [cell.strip().lower() for cell in header]
    for name in wanted:
        if names.count(name) > 1:
            raise UnreadableFile(_("The header names the column %(name)s twice.") % {"name": name})
    if lacking := [name for name in wanted if name not in names]:
        raise UnreadableFile(_("The header lacks the column %(names)s.") % {"names": ", ".join(lacking)})
    return names


def _row(columns: list[str], record: list[str], line: int) -> CsvRow:
    values = dict(zip(columns, record, strict=False))
    if len(record) == len(columns):
        return CsvRow(line, values)
    counts = {"values": len(record), "columns": len(columns)}
    return CsvRow(line, values, _("The line has %(values)s values for %(columns)s columns.") % counts)
