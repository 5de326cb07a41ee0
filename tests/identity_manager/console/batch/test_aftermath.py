"""A batch order goes on telling after it has run: counts by state, a bar of links, reminders."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from identity_manager.console.batch import aftermath
from identity_manager.models import (
    BatchKind,
    BatchOrder,
    LineOutcome,
    OutgoingMail,
    Person,
    RequestState,
    Role,
    TokenRequest,
    TokenState,
)
from identity_manager.queries import request_progress
from identity_manager.queries.request_progress import Became
from identity_manager.ui import charts
from identity_manager.workflow import step2_approve, step4_accept
from identity_manager.workflow.requests import cancellation
from tests.identity_manager.console.visitors import officer
from tests.identity_manager.workflow.batch.orders import placed, started, work
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]
NAMES = ("waits", "accepts", "made", "noted", "done", "rejected", "declined", "cancelled")


def page_of(order: BatchOrder) -> str:
    return reverse("console:batch-order", args=[order.pk])


@pytest.fixture
def order(company: Company) -> BatchOrder:
    """Of eight persons who were enabled together, each stands somewhere else by now."""
    persons = [cast.person(name, sid="") for name in NAMES]
    given = placed(company.ada, BatchKind.ENABLE, persons, types=[company.signature.pk])
    done = started(given, company.ada)
    of = {row.person.given_name.lower(): row for row in TokenRequest.objects.select_related("person")}
    for name in NAMES[1:]:
        if name != "rejected":
            cast.approved(company.paul, of[name])
    seen = {of["rejected"].pk: of["rejected"].snapshot_hash}
    step2_approve.reject_several(actor=company.paul, seen=seen, reason="no")
    for name in ("made", "noted", "done"):
        cast.accepted(of[name])
    for name in ("noted", "done"):
        cast.issued(TokenRequest.objects.get(pk=of[name].pk))
    cast.delivered(TokenRequest.objects.get(pk=of["done"].pk))
    cast.noted(of["done"].tokens.get())
    step4_accept.decline(actor=of["declined"].person, request_id=of["declined"].pk, reason="")
    cancellation.cancel(actor=company.ada, request_id=of["cancelled"].pk, reason="left")
    return done


EXPECTED = {
    **dict.fromkeys(("approval", "acceptance", "issuing", "passphrase", "done"), 1),
    **dict.fromkeys(("rejected", "declined", "cancelled"), 1),
}


def test_each_request_is_in_one_group_as_it_stands_now(order: BatchOrder) -> None:
    assert dict(request_progress.counted(TokenRequest.objects.all())) == EXPECTED
    for became in Became:
        rows = TokenRequest.objects.filter(request_progress.condition(became))
        assert rows.count() == EXPECTED.get(became, 0), became

    TokenRequest.objects.filter(state=RequestState.AWAITING_ACCEPTANCE).update(state=RequestState.LAPSED)
    completed = TokenRequest.objects.get(state=RequestState.COMPLETED)
    completed.tokens.update(state=TokenState.LAPSED)
    counted = request_progress.counted(TokenRequest.objects.all())
    assert (counted.get("acceptance"), counted.get("done"), counted["lapsed"]) == (None, None, 2)


def test_the_bar_is_a_chart_a_set_of_links_and_a_table(order: BatchOrder, company: Company) -> None:
    ada = signed_in(company.ada)
    page = ada.get(page_of(order)).text
    bar = page[page.index('<svg class="chart chart-bar"') :]
    links = [
        unescape(each) for each in re.findall(r'<a href="([^"]+)" aria-label', bar[: bar.index("</svg>")])
    ]

    assert len(links) == len(EXPECTED)
    assert "style=" not in bar[: bar.index("</form>")], "a strict CSP has no inline style"
    for link in links:
        assert page.count(link.replace("&", "&amp;")) == 2, "in the bar, and in the table"
        asked = parse_qs(urlsplit(link).query)
        found = ada.get(link)
        assert [row.pk for row in found.context["page"]] == [
            row.pk for row in TokenRequest.objects.filter(request_progress.condition(asked["became"][0]))
        ], link


def test_each_line_says_where_its_request_stands(order: BatchOrder, company: Company) -> None:
    ada = signed_in(company.ada)
    page = ada.get(page_of(order))

    details = [str(row.cells[-1].value) for row in page.context["table"].rows]
    for each in EXPECTED:
        assert any(str(Became(each).label) in said for said in details), each
    sheet = b"".join(ada.post(reverse("console:batch-order-report", args=[order.pk]))).decode()
    assert "What became of it" in sheet
    assert "Passphrase waits to be noted" in sheet


def test_those_who_have_not_accepted_are_reminded(order: BatchOrder, company: Company) -> None:
    """By an order of its own over what the search finds: with a dry run, by the asker's rights."""
    ada = signed_in(company.ada)
    form = ada.get(page_of(order)).context["aftermath"]
    sent = {"search": form.remind, "all": "1", "kind": form.remind_kind}
    question = ada.post(reverse("console:batch-order-choose"), sent)
    assert question.status_code == 200, question.text
    key = str(question.context["form"].initial["key"])
    assert ada.post(reverse("console:batch-order-new"), {**sent, "key": key}).status_code == 302
    remind = BatchOrder.objects.get(pk=key)
    work(remind)

    started(BatchOrder.objects.get(pk=key), company.ada)

    assert [row.outcome for row in remind.lines.all()] == [LineOutcome.DONE]
    mail = OutgoingMail.objects.get(message="acceptance_reminder")
    assert mail.person.given_name.lower() == "accepts"


def test_who_reads_nothing_of_it_gets_no_numbers(order: BatchOrder, company: Company) -> None:
    """The numbers are those of the links: of requests that this officer may read."""
    elsewhere = officer("olga", Role.TOKEN_ADMINISTRATOR, unit="Elsewhere")
    BatchOrder.objects.filter(pk=order.pk).update(asked_by=elsewhere)

    assert aftermath.of_order(elsewhere, order) is None
    page = signed_in(elsewhere).get(page_of(order))
    assert page.status_code == 200
    assert "What became of them" not in page.text
    assert signed_in(company.uma).get(page_of(order)).status_code in (302, 403)


def test_only_administrators_are_offered_the_reminder(order: BatchOrder) -> None:
    auditor = officer("otto", Role.AUDITOR)

    found = aftermath.of_order(auditor, order)

    assert found is not None
    assert (found.total, found.remind) == (8, "")


def test_before_it_has_run_there_is_nothing_to_tell(company: Company) -> None:
    waiting = placed(company.ada, BatchKind.ENABLE, [company.uma], types=[company.vpn.pk])

    assert signed_in(company.ada).get(page_of(waiting)).context["aftermath"] is None


@pytest.mark.parametrize("asked", ["nonsense", "done'--", "DONE"])
def test_a_group_that_there_is_not_is_refused_in_words(
    order: BatchOrder, company: Company, asked: str
) -> None:
    answer = signed_in(company.ada).get(reverse("console:requests"), {"kind": "request", "became": asked})

    assert answer.status_code == 422
    assert "There is no such choice." in answer.text


def test_statements_do_not_grow_with_the_lines(order: BatchOrder, company: Company) -> None:
    with CaptureQueriesContext(connection) as few:
        assert aftermath.of_order(company.ada, order) is not None
    more = [cast.person(f"more{number}", sid="") for number in range(6)]
    larger = started(placed(company.ada, BatchKind.ENABLE, more, types=[company.signature.pk]), company.ada)
    company.ada = Person.objects.get(pk=company.ada.pk)

    with CaptureQueriesContext(connection) as many:
        found: Any = aftermath.of_order(company.ada, larger)

    assert found.total == 6
    assert len(many) <= len(few) + 1  # the roles of the officer are read anew
    assert sum("GROUP BY" in each["sql"] for each in many) == 1


def test_a_group_of_one_among_thousands_is_seen() -> None:
    order = BatchOrder(reference="AAAA-BBBB")
    parts = aftermath._parts(order, {"done": 19_999, "approval": 1})

    assert [part.number for part in parts] == [1, 19_999]
    assert parts[0].width >= charts.LEAST
    assert parts[-1].x + parts[-1].width == pytest.approx(charts.WIDTH)


def test_the_filter_finds_the_requests_of_an_order_by_its_reference(
    order: BatchOrder, company: Company
) -> None:
    cast.enabled(company.ada, company.sam, company.vpn)
    ada: Client = signed_in(company.ada)

    found = ada.get(reverse("console:requests"), {"kind": "request", "batch_order": order.reference.lower()})

    assert len(found.context["table"].rows) == len(NAMES)
