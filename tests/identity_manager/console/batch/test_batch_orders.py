"""BATCH ORDERS on the pages: from the selection or a file to what became of each person."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from identity_manager.models import (
    AuditEvent,
    BatchLine,
    BatchOrder,
    LineOutcome,
    Person,
    Role,
    TokenRequest,
)
from identity_manager.workflow.batch import dry_run
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import worker as batch_run
from tests.identity_manager.console.visitors import officer
from tests.identity_manager.workflow.batch.orders import work
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.long

EVERYBODY = {"search": "kind=employee", "all": "1"}


def address(order: BatchOrder, action: str = "") -> str:
    return reverse(f"console:batch-order{action}", args=[order.pk])


def given(browser: Client, company: cast.Company, **sent: object) -> BatchOrder:
    """Chosen in SEARCH, types checked, Dry run clicked; the worker has been there."""
    chosen = browser.post(reverse("console:batch-order-choose"), sent)
    assert chosen.status_code == 200, chosen.text
    form = chosen.context["form"]
    values = {**sent, "key": str(form.initial["key"]), "types": [str(company.vpn.pk)]}
    answer = browser.post(reverse("console:batch-order-new"), values)
    assert answer.status_code == 302, answer.text
    order = BatchOrder.objects.get(pk=form.initial["key"])
    work(order)
    return BatchOrder.objects.get(pk=order.pk)


def uploaded(browser: Client, company: cast.Company, content: str, **more: object) -> BatchOrder:
    page = browser.get(reverse("console:batch-order-new"))
    values = {"key": str(page.context["form"].initial["key"]), "types": [str(company.vpn.pk)], **more}
    values["file"] = SimpleUploadedFile("numbers.csv", content.encode())
    answer = browser.post(reverse("console:batch-order-new"), values)
    assert answer.status_code == 302, answer.text
    order = BatchOrder.objects.latest("asked_at")
    work(order)
    return BatchOrder.objects.get(pk=order.pk)


def done(browser: Client, order: BatchOrder) -> BatchOrder:
    assert browser.post(address(order, "-start")).status_code == 302
    work(order)
    return BatchOrder.objects.get(pk=order.pk)


def test_all_that_a_search_found_are_enabled(ada: Client, company: cast.Company) -> None:
    order = given(ada, company, **EVERYBODY)

    page = ada.get(address(order)).text
    assert "6 lines can be done" in page
    assert not TokenRequest.objects.exists()

    order = done(ada, order)
    assert order.counts == {"enabled": 6}
    page = ada.get(address(order), {"outcome": "enabled"}).text
    assert TokenRequest.objects.get(person=company.uma).reference in page


def test_ticked_rows_are_enabled_and_nobody_else(ada: Client, company: cast.Company) -> None:
    order = given(ada, company, search="kind=employee", persons=[str(company.uma.pk)])

    assert {line.person for line in order.lines.all()} == {company.uma}


def test_search_offers_it_to_administrators_alone(ada: Client, company: cast.Company) -> None:
    offer = reverse("console:batch-order-choose")

    assert offer in ada.get(reverse("console:search"), {"kind": "employee"}).text
    assert offer not in signed_in(company.rita).get(reverse("console:search"), {"kind": "employee"}).text


def test_nothing_ticked_is_said(ada: Client) -> None:
    answer = ada.post(reverse("console:batch-order-choose"), {"search": "kind=employee"})

    assert answer.status_code == 422
    assert "Nothing is chosen" in answer.text


def test_without_a_type_the_selection_is_kept(ada: Client, company: cast.Company) -> None:
    sent = {"search": "kind=employee", "persons": [str(company.uma.pk), str(company.sam.pk)]}
    page = ada.post(reverse("console:batch-order-choose"), sent)
    answer = ada.post(
        reverse("console:batch-order-new"), {**sent, "key": page.context["form"].initial["key"]}
    )

    assert answer.status_code == 422
    assert "Check at least one software token type" in answer.text
    assert len(re.findall(r'name="persons" value="', answer.text)) == 2
    assert not BatchOrder.objects.exists()


@pytest.mark.parametrize(
    "content",
    [
        "P-uma\n0815\n",
        "personnel_number\nP-uma\n0815\n",
        "Name;Personalnummer\nUma;P-uma\nNobody;0815\n",
        "\ufeffPersonnel number,Name\r\nP-uma,Uma\r\n\r\n0815,\r\n",
        "Name\tPersonalnummer\r\nUma\tP-uma\r\nNobody\t0815\r\n",
    ],
    ids=["numbers alone", "named", "an export in German", "an export in English", "text of a spreadsheet"],
)
def test_a_file_names_the_persons(ada: Client, company: cast.Company, content: str) -> None:
    order = uploaded(ada, company, content)

    assert list(order.lines.order_by("position").values_list("outcome", flat=True)) == ["ready", "refused"]
    page = ada.get(address(order)).text
    assert "numbers.csv" in page
    assert str(dry_run.NOT_YOURS_OR_UNKNOWN) in page


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a,b\n1,2\n", "names no column personnel_number"),
        (b"\xff\xfe\xff", "not"),
        (b"personnel_number\n", "Nobody is chosen"),
    ],
    ids=["no such column", "no text", "no rows"],
)
def test_a_file_that_cannot_be_taken_is_refused_at_its_field(
    ada: Client, company: cast.Company, content: bytes, sentence: str
) -> None:
    page = ada.get(reverse("console:batch-order-new"))
    values = {"key": page.context["form"].initial["key"], "types": [str(company.vpn.pk)]}
    answer = ada.post(
        reverse("console:batch-order-new"), {**values, "file": SimpleUploadedFile("x.csv", content)}
    )

    assert answer.status_code == 422
    assert "file" in answer.context["form"].errors
    assert sentence in answer.text


def test_what_else_is_wrong_asks_for_the_file_again(ada: Client) -> None:
    page = ada.get(reverse("console:batch-order-new"))
    values = {"key": page.context["form"].initial["key"], "file": SimpleUploadedFile("x.csv", b"P-uma\n")}
    answer = ada.post(reverse("console:batch-order-new"), values)

    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == {"types", "file"}
    assert "Choose the file again" in answer.text


def test_pause_go_on_and_cancel(ada: Client, company: cast.Company) -> None:
    order = given(ada, company, **EVERYBODY)
    ada.post(address(order, "-start"))

    assert "Nothing is done until it goes on" in ada.post(address(order, "-pause"), follow=True).text
    assert ada.post(address(order, "-pause")).status_code == 409
    assert "It goes on." in ada.post(address(order, "-resume"), follow=True).text
    assert "Nothing else is done" in ada.get(address(order, "-cancel")).text
    page = ada.post(address(order, "-cancel"), follow=True).text
    assert "Not reached" in page
    assert not TokenRequest.objects.exists()
    ended = ada.get(address(order, "-cancel")).text
    assert "This batch order has ended already." in ended
    assert 'class="form card"' not in ended


def test_an_order_in_which_nobody_can_be_enabled_waits_for_no_start(
    ada: Client, company: cast.Company
) -> None:
    order = given(ada, company, **EVERYBODY)
    waits, nobody = "Waits for its start", "Nothing can be done"
    for text in (ada.get(address(order)).text, ada.get(reverse("console:batch-orders")).text):
        assert waits in text
        assert nobody not in text

    order.lines.update(outcome=LineOutcome.REFUSED)

    for text in (ada.get(address(order)).text, ada.get(reverse("console:batch-orders")).text):
        assert nobody in text
        assert waits not in text


def test_started_twice_the_second_click_says_what_happened(ada: Client, company: cast.Company) -> None:
    order = given(ada, company, **EVERYBODY)
    ada.post(address(order, "-start"))

    answer = ada.post(address(order, "-start"))

    assert answer.status_code == 409
    assert str(batch_orders.NOT_CHECKED) in answer.text


def test_the_progress_moves_until_the_state_does(ada: Client, company: cast.Company) -> None:
    order = given(ada, company, **EVERYBODY)
    ada.post(address(order, "-start"))

    moving = ada.get(address(order, "-progress"), {"state": "running"})
    assert "0 / 6" in moving.text
    assert "hx-get" in moving.text
    work(order)
    assert ada.get(address(order, "-progress"), {"state": "running"}).headers["HX-Refresh"] == "true"
    assert "hx-get" not in ada.get(address(order)).text.partition("batch-progress")[2][:200]


def test_a_fault_of_a_shard_is_told_with_its_next_try(ada: Client, company: cast.Company) -> None:
    order = given(ada, company, **EVERYBODY)
    ada.post(address(order, "-start"))
    batch_run.run(order_id=order.pk)
    assert "A fault delays it" not in ada.get(address(order)).text
    shard = order.shards.get()
    shard.settle_later(
        "ValueError: a fault", now=timezone.now(), not_before=timezone.now() + timedelta(hours=1)
    )
    shard.save()

    page = ada.get(address(order))

    assert "A fault delays it" in page.text
    assert "ValueError: a fault" in page.text
    assert page.context["fault"].next_attempt_at == shard.next_attempt_at
    ada.post(address(order, "-pause"))
    assert "A fault delays it" not in ada.get(address(order)).text


def test_the_report_is_a_file_without_formulas(ada: Client, company: cast.Company) -> None:
    Person.objects.filter(pk=company.uma.pk).update(display_name="=HYPERLINK(1)")
    order = done(ada, uploaded(ada, company, "P-uma\n=1+1\n"))

    answer = ada.post(address(order, "-report"))

    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert rows[1][:5] == ["1", "P-uma", "'=HYPERLINK(1)", "Enabled", "VPN"]
    assert rows[2][:4] == ["2", "'=1+1", "", "Cannot be done"]
    assert AuditEvent.objects.filter(name="list.exported").exists()


def test_lines_stand_on_pages_by_their_place(ada: Client, company: cast.Company) -> None:
    order = given(ada, company, **EVERYBODY)
    rows = [
        BatchLine(order=order, position=number, outcome=LineOutcome.REFUSED, personnel_number=f"N{number}")
        for number in range(100, 160)
    ]
    BatchLine.objects.bulk_create(rows)

    def positions(page: str) -> list[int]:
        rows = ada.get(f"{address(order)}{page}").context["table"].rows
        return [int(str(each.cells[0].value)) for each in rows]

    first = ada.get(address(order), {"outcome": "refused"}).context["page"]
    assert (first.before, positions("?outcome=refused")) == ("", list(range(100, 125)))
    second = ada.get(f"{address(order)}{first.after}").context["page"]
    assert positions(first.after) == list(range(125, 150))
    assert positions(second.after) == list(range(150, 160))
    assert positions(second.before) == list(range(100, 125))
    assert positions("?after=x&before=99999999999999") == positions("")


def test_the_dry_run_says_how_each_person_will_sign_in(ada: Client, company: cast.Company) -> None:
    signed_in(company.sam)
    company.sam.account.set_password("a quiet green river")
    company.sam.account.save()
    order = given(ada, company, **EVERYBODY)

    page = ada.get(address(order))

    said = {str(row.head): str(row.cells[-1].value) for row in page.context["table"].rows}
    (sam,) = (details for who, details in said.items() if "Sam" in who)
    (uma,) = (details for who, details in said.items() if "Uma" in who)
    assert "Signs in with a password." in sam
    assert "Needs a sign-in code" in uma
    needing = sum("Needs a sign-in code" in details for details in said.values())
    assert page.context["need_codes"].number == needing
    assert "before they can accept the terms" in page.text
    report = b"".join(ada.post(address(order, "-report")).streaming_content).decode()
    assert "Signs in with a password." in report
    assert "Needs a sign-in code" in report


def test_the_dry_run_says_what_is_left_of_a_contract(
    ada: Client, company: cast.Company, settings: Settings
) -> None:
    bought = {"certificates": 500, "since": "2020-01-01"}
    corporate = settings.CA_CONNECTORS["corporate"] | {"ALLOWANCE": bought}
    settings.CA_CONNECTORS = settings.CA_CONNECTORS | {"corporate": corporate}
    order = given(ada, company, **EVERYBODY)
    ready = BatchLine.objects.filter(order=order, outcome=LineOutcome.READY).count()

    text = ada.get(address(order)).text

    assert ready > 1
    assert f"“corporate”: 500 of 500 certificates left; this takes {ready}." in text


def test_others_do_not_know_of_it(ada: Client, company: cast.Company) -> None:
    order = given(ada, company, **EVERYBODY)
    limited = signed_in(officer("lina", Role.TOKEN_ADMINISTRATOR, unit="Nord", sid=""))
    everywhere = signed_in(officer("olga", Role.TOKEN_ADMINISTRATOR, sid=""))
    auditor = signed_in(officer("otto", Role.AUDITOR, sid=""))

    assert limited.get(address(order)).status_code == 404
    assert order.reference not in everywhere.get(reverse("console:batch-orders")).text
    assert order.reference in everywhere.get(reverse("console:batch-orders"), {"of": "all"}).text
    assert everywhere.post(address(order, "-start")).status_code == 403
    assert order.reference in auditor.get(reverse("console:batch-orders")).text
    assert auditor.post(address(order, "-cancel")).status_code == 403


def test_an_empty_list_says_what_to_do(ada: Client) -> None:
    assert "No batch order yet" in ada.get(reverse("console:batch-orders")).text


def test_the_list_of_orders_goes_on_to_the_first(ada: Client, company: cast.Company) -> None:
    asked_at = timezone.now()
    BatchOrder.objects.bulk_create(
        BatchOrder(
            asked_by=company.ada, asked_at=asked_at - timedelta(days=number), source="selection", total=1
        )
        for number in range(1001)
    )
    first = BatchOrder.objects.earliest("asked_at")
    text = ada.get(reverse("console:batch-orders"), {"page": "41"}).text
    assert "1,001 to 1,001 of 1,001" in text
    assert first.reference in text


def test_what_cannot_go_on_has_no_button(ada: Client, company: cast.Company) -> None:
    order = given(ada, company, **EVERYBODY)
    ada.post(address(order, "-start"))
    ada.post(address(order, "-pause"))
    olga = signed_in(officer("olga", Role.TOKEN_ADMINISTRATOR, sid=""))
    assert address(order, "-resume") in olga.get(address(order)).text

    company.ada.roles.all().delete()

    text = olga.get(address(order)).text
    assert address(order, "-resume") not in text
    assert "does not have the role for it any more" in text
    assert address(order, "-cancel") in text


def test_who_starts_it_is_said_to_who_manages_it(ada: Client, company: cast.Company) -> None:
    order = given(ada, company, **EVERYBODY)
    olga = signed_in(officer("olga", Role.TOKEN_ADMINISTRATOR, sid=""))

    assert "Only who gave this batch order starts it" in olga.get(address(order)).text
    assert "Only who gave this batch order starts it" not in ada.get(address(order)).text


def test_an_auditor_of_one_unit_reads_why_the_list_is_empty(company: cast.Company) -> None:
    otto = signed_in(officer("otto", Role.AUDITOR, unit="Nord", sid=""))

    assert "Auditors of every unit read them" in otto.get(reverse("console:batch-orders")).text
