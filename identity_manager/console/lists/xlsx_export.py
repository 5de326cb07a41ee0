"""Lists as XLSX workbooks: every cell is a text or a number, never a formula or a link.

Rows are written to a temporary file one by one (constant_memory), so memory does not grow with their number.
"""

import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime

import xlsxwriter
from django.http import FileResponse
from django.utils import timezone
from xlsxwriter.worksheet import Worksheet

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST = 32_767  # maximum characters of a cell; XlsxWriter drops a longer text


def xlsx_response(file_name: str, header: Sequence[object], rows: Iterable[Sequence[object]]) -> FileResponse:
    """Send the rows as `<file_name>-<today>.xlsx`. The export is recorded by the caller (exports.record)."""
    place = tempfile.TemporaryFile()  # noqa: SIM115 the response closes it
    write_workbook(place, header, rows)
    place.seek(0)
    name = f"{file_name}-{timezone.localdate():%Y-%m-%d}.xlsx"
    response = FileResponse(place, as_attachment=True, filename=name, content_type=CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    return response


def write_workbook(place: object, header: Sequence[object], rows: Iterable[Sequence[object]]) -> None:
    """Write one sheet with a bold, frozen header row."""
    with xlsxwriter.Workbook(place, {"constant_memory": True}) as book:
        sheet, bold = book.add_worksheet(), book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        for column, label in enumerate(header):
            sheet.write_string(0, column, str(label)[:LONGEST], bold)
        for line, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                _write(sheet, line, column, cell)


def _write(sheet: Worksheet, line: int, column: int, cell: object) -> None:
    """Write a cell; times as text with offset, because dates of workbooks have no time zone."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        sheet.write_number(line, column, cell)
        return
    if isinstance(cell, datetime):
        cell = timezone.localtime(cell).isoformat(sep=" ", timespec="seconds")
    sheet.write_string(line, column, str("" if cell is None else cell)[:LONGEST])
