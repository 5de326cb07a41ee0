"""A column is declared once: head, cell, order, export and the fields that are read follow from it."""

import csv
import io
import re
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from identity_manager.console.approvals import bulk_decisions
from identity_manager.console.audit import event_columns
from identity_manager.console.lists.columns import Cell, Column, Columns
from identity_manager.console.open_tasks import page
from identity_manager.console.open_tasks.source import Source
from identity_manager.console.outbox import mail_columns
from identity_manager.console.search import (
    certificate_columns,
    person_columns,
    request_columns,
)
from identity_manager.console.search import search as searching
from identity_manager.models import AuditEvent, Certificate, OutgoingMail, Person, Role, TokenRequest
from tests.tools import cast
from tests.tools.sign_in import signed_in

LISTS = [
    (person_columns.COLUMNS, Person),
    (request_columns.COLUMNS, TokenRequest),
    (request_columns.WAITING, TokenRequest),
    (request_columns.TO_DECIDE, TokenRequest),
    (bulk_decisions.COLUMNS, TokenRequest),
    (certificate_columns.COLUMNS, Certificate),
    (mail_columns.COLUMNS, OutgoingMail),
    (event_columns.COLUMNS, AuditEvent),
]


@pytest.mark.parametrize(("columns", "model"), LISTS)
def test_each_column_is_shown_or_exported_and_reads_what_there_is(columns: Columns, model: Any) -> None:
    named = {each.name: each for each in columns.every}
    assert len(named) == len(columns.every)
    assert {each.name for each in columns.every if each.cell} == set(columns.shown)
    assert [each.name for each in columns.every if not (each.cell or each.export)] in ([], ["number"])
    rows: QuerySet[Any] = model.objects.only(*columns.fields)
    assert str(rows.query)  # Django raises for a field that is none


@pytest.mark.parametrize("source", page.SOURCES, ids=lambda source: source.name)
def test_each_list_of_open_tasks_shows_all_of_its_columns(source: Source) -> None:
    names = [each.name for each in source.columns.every]
    assert len(set(names)) == len(names)
    assert set(source.columns.shown) == set(names)
    assert all(each.cell for each in source.columns.every)


def test_everything_follows_from_the_columns() -> None:
    columns = Columns(
        (
            Column("first", "First", lambda row: row["a"], order=("a", "b"), fields=("a",), export=len),
            Column("second", "Second", fields=("b", "a"), export="__class__"),
            Column("third", "Third", lambda row: row["b"], shown_to=frozenset({Role.APPROVER})),
        ),
        shown=("third", "first"),
    )
    nobody = Person()
    nobody.know_roles([])
    table = columns.draw(nobody, [{"a": 1, "b": 2}])

    assert columns.orders == {"first": ("a", "b")}
    assert columns.fields == ("a", "b")
    assert columns.header == ["First", "Second"]
    assert columns.exported({"a": 1}) == [1, dict]
    assert [each.label for each in table.columns] == ["First"]
    assert (table.rows[0].head, table.rows[0].cells, table.rows[0].actions) == (1, [], [])


def test_cells_have_the_label_of_their_column_where_there_is_something_to_show() -> None:
    columns = Columns(
        (
            Column("name", "Name", lambda row: row),
            Column("nothing", "Nothing", lambda _row: ""),
            Column("none", "A & B", lambda _row: 0, css="number"),
            Column("act", "Act", lambda row: f"{row}!", is_action=True),
        ),
        shown=("name", "nothing", "none", "act"),
    )
    nobody = Person()
    nobody.know_roles([])
    (row,) = columns.draw(nobody, ["x"]).rows

    assert row.head == "x"
    assert row.cells == [Cell("", "", ""), Cell("A &amp; B", "number", 0)]
    assert row.actions == ["x!"]


@pytest.mark.parametrize("checkbox", ["", "rows"])
def test_a_detail_stands_below_all_columns_but_that_of_the_check_boxes(checkbox: str) -> None:
    columns = Columns(
        (
            Column("name", "Name", str),
            Column("more", "", lambda row: f"more of {row}", fields=("more",), is_detail=True),
            Column("size", "Size", len),
        ),
        shown=("name", "size", "more"),
    )
    nobody = Person()
    nobody.know_roles([])
    table = columns.draw_selectable(
        nobody, ["x"], sort=None, checkbox=checkbox, named=lambda row: (row, row), selected=()
    )
    html = render_to_string("identity_manager/lists/table.html", {"table": table})

    assert columns.fields == ("more",)
    assert html.count('<th scope="col"') == (3 if checkbox else 2)
    before = "<td></td>" if checkbox else ""
    assert f'<tr class="row-more">{before}<td colspan="2">more of x</td>' in re.sub(r"\s*\n\s*", "", html)


@pytest.mark.parametrize(
    "columns", [*(columns for columns, _model in LISTS), *(source.columns for source in page.SOURCES)]
)
def test_actions_stand_behind_all_other_columns(columns: Columns) -> None:
    named = {each.name: each for each in columns.every}
    actions = [named[name].is_action for name in columns.shown]
    assert actions == sorted(actions)


@pytest.fixture
def everything(company: cast.Company) -> Client:
    company.request_in("completed")
    roles = (Role.TOKEN_ADMINISTRATOR, Role.REGISTRATION_OFFICER, Role.AUDITOR)
    return signed_in(cast.person("olga", roles=roles, sid=""))


@pytest.mark.parametrize("kind", sorted(searching.KINDS))
def test_the_head_is_that_of_the_cells(everything: Client, kind: str) -> None:
    cast.person("xenia", kind="external", sid="")
    table = everything.get(reverse("console:search"), {"kind": kind}).context["table"]

    assert table.rows
    for row in table.rows:
        assert 1 + len(row.cells) + len(row.actions) == len(table.columns)
        labels = zip(row.cells, table.columns[1:], strict=False)
        assert all(cell.label in ("", str(column.label)) for cell, column in labels)


@pytest.mark.parametrize(
    "address",
    ["/search/?kind=employee", "/search/?kind=request", "/search/?kind=certificate", "/mails/", "/history/"],
)
def test_cells_read_only_what_their_columns_name(everything: Client, address: str) -> None:
    """A field that only() leaves out would be fetched row by row."""
    with CaptureQueriesContext(connection) as asked:
        assert everything.get(address).context["table"].rows
    one_row = [
        each["sql"]
        for each in asked
        if each["sql"] and 'person"."id" = ' in each["sql"] and "LIMIT 21" in each["sql"]
    ]

    assert len(one_row) <= 1  # the officer


@pytest.mark.parametrize("address", ["/open-tasks/", "/open-tasks/decisions/"])
def test_cells_of_what_waits_read_only_what_their_columns_name(company: cast.Company, address: str) -> None:
    """As above, of requests that wait for a decision, one of them for several."""
    company.request_in("requested")
    with CaptureQueriesContext(connection) as asked:
        page = signed_in(company.paul).get(address)
    assert "Uma" in page.text
    assert [each["sql"] for each in asked if 'tokenrequest"."id" = ' in each["sql"]] == []
    of_persons = [
        each["sql"] for each in asked if 'person"."id" = ' in each["sql"] and "LIMIT 21" in each["sql"]
    ]
    officer = (company.paul.pk.hex, str(company.paul.pk))
    assert [sql for sql in of_persons if not any(each in sql for each in officer)] == []


@pytest.mark.parametrize("kind", sorted(searching.KINDS))
def test_a_file_has_a_cell_for_each_head(everything: Client, kind: str) -> None:
    sent = {"search": f"kind={kind}", "all": "1"}
    cast.person("xenia", kind="external", sid="")
    response: Any = everything.post(reverse("console:search-export"), sent)
    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))

    assert len(rows) > 1
    assert len({len(row) for row in rows}) == 1
