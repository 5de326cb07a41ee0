"""CSV files: what they hold, that no spreadsheet program runs it, and that memory stays small."""

import csv
import io
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from identity_manager import audit
from identity_manager.audit import exports
from identity_manager.console.lists.csv_export import CHUNK, csv_response, safe
from identity_manager.models import AuditEvent
from identity_manager.telemetry import correlation
from tests.tools import cast


def content(header: Sequence[object], *rows: Sequence[object]) -> bytes:
    return csv_response("list", header, rows).getvalue()


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+49 30 1234",
        "-2+3",
        "@SUM(A1)",
        "\t1",
        "\r1",
        "\n1",
        " =1+1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        '=HYPERLINK("http://x","y")',
        "=cmd|' /C calc'!A0",
    ],
)
def test_a_beginning_of_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert safe(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "harmless"),
    [
        ("Uma;=1+1", "Uma;'=1+1"),
        (";=1", ";'=1"),
        ("a; -1;@b", "a; '-1;'@b"),
        ('a;"=1', "a;\"'=1"),
        ("too late\n=1", "too late\n'=1"),
        ("two\r\n\r\n+1", "two\r\n\r\n'+1"),
        ("a;＝1", "a;'＝1"),
        ("=1;=2", "'=1;'=2"),
        ("late \n=1", "late \n'=1"),
        ("late \r\n=cmd|' /C calc'!A0", "late \r\n'=cmd|' /C calc'!A0"),
        ("a\u00a0\n=1", "a\u00a0\n'=1"),
        ("a \t=1", "a \t'=1"),
        ("\n=1", "'\n'=1"),
        ("\r=1", "'\r'=1"),
        ("\t=1", "'\t'=1"),
    ],
)
def test_nor_does_one_run_where_cells_are_separated_by_semicolons(cell: str, harmless: str) -> None:
    """A program set to German cuts the line at each semicolon and line end, whatever stands in quotes."""
    assert safe(cell) == harmless


@pytest.mark.parametrize("cell", ["a; b", "a;b", "no\nyes", "1;2"])
def test_a_semicolon_or_a_line_end_alone_is_no_beginning(cell: str) -> None:
    assert safe(cell) == cell


@pytest.mark.parametrize("cell", ["Uma", "a=b", "O'Neill", "uma@example.com", "", "1,000", "5 - 3"])
def test_other_text_stays_as_it_is(cell: str) -> None:
    assert safe(cell) == cell


def test_no_value_is_an_empty_cell() -> None:
    assert safe(None) == ""
    assert safe(0) == "0"


def test_it_is_rfc_4180_in_utf_8_with_a_byte_order_mark() -> None:
    sent = content(["Name", "Note"], ["Łukasz, Wiśniewski", 'says "no"'], ["山田", "two\r\nlines"])

    assert sent.startswith(b"\xef\xbb\xbf")
    text = sent.decode("utf-8-sig")
    assert text == 'Name,Note\r\n"Łukasz, Wiśniewski","says ""no"""\r\n山田,"two\r\nlines"\r\n'
    assert list(csv.reader(io.StringIO(text, newline="")))[2] == ["山田", "two\r\nlines"]


def test_an_empty_list_is_its_header() -> None:
    assert content(["Name"]).decode("utf-8-sig") == "Name\r\n"


@time_machine.travel(datetime(2026, 3, 31, 23, 30, tzinfo=UTC))
def test_the_file_is_named_by_what_it_is_and_the_day_of_the_reader() -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        response = csv_response("employees", ["Name"], [])

    assert response["Content-Disposition"] == 'attachment; filename="employees-2026-04-01.csv"'
    assert response["Content-Type"].startswith("text/csv; charset=utf-8")
    assert response["Cache-Control"] == "no-store"


def test_words_and_times_are_the_readers_also_after_the_view_has_returned() -> None:
    moment = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    with translation.override("de"), timezone.override(ZoneInfo("Europe/Berlin")):
        response = csv_response("list", [gettext_lazy("Yes")], [[gettext_lazy("No"), moment]])

    with translation.override("en"), timezone.override(UTC):
        text = response.getvalue().decode("utf-8-sig")
        assert translation.get_language() == "en"

    assert text == "Ja\r\nNein,2026-07-01 14:00:00+02:00\r\n"


def test_rows_are_read_only_as_they_are_sent() -> None:
    read: list[int] = []

    def rows() -> Iterator[Sequence[object]]:
        for number in range(CHUNK * 10):
            read.append(number)
            yield [number]

    sent = iter(csv_response("list", ["Number"], rows()))
    next(sent)
    assert read == []
    next(sent)
    assert len(read) == CHUNK


def test_what_breaks_it_off_is_told_under_the_number_of_the_visit(caplog: pytest.LogCaptureFixture) -> None:
    numbers: list[str] = []

    class Noting(logging.Filter):
        def filter(self, _record: logging.LogRecord) -> bool:
            numbers.append(correlation.current())
            return True

    def rows() -> Iterator[Sequence[object]]:
        yield ["one"]
        raise ConnectionError("the database is away")

    with correlation.bound("visit-0001"):
        response = csv_response("list", ["Name"], rows())
    with caplog.filtering(Noting()), pytest.raises(ConnectionError):
        response.getvalue()

    assert [record.message for record in caplog.records] == ["A file broke off while it was sent"]
    assert numbers == ["visit-0001"]


@pytest.mark.django_db
def test_an_export_is_recorded_without_what_was_typed() -> None:
    ada = cast.person("ada")

    exports.record(
        actor=ada, what="employee", rows=3, filters={"text": True, "state": "active", "department": ""}
    )

    event = AuditEvent.objects.get(name=audit.Event.LIST_EXPORTED)
    assert (event.actor, event.person) == (ada, None)
    assert event.facts == {"what": "employee", "rows": 3, "filters": {"text": True, "state": "active"}}
