"""Pages of a log that is divided into a hundred months read by indexes; of a period, its months alone.

The newest events come from all months at once, each by its index, and no further than the page goes: the
default partition may hold any time, so PostgreSQL does not know which month is the last.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ca_bridge.database import partitions
from ca_bridge.database.partitions import execute
from identity_manager import audit
from identity_manager.audit import chain_proof, sealing
from identity_manager.console.start import dashboard
from identity_manager.events import delivering
from identity_manager.jobs import month_partitions, retention
from identity_manager.models import AuditEvent, Person, Role, TokenRequest
from tests.tools import cast, months
from tests.tools.cast import Company
from tests.tools.months import event_of
from tests.tools.sign_in import signed_in

pytestmark = [
    pytest.mark.long,
    pytest.mark.database,
    pytest.mark.django_db,
    pytest.mark.usefixtures("postgresql_only", "undivided_only"),
]
EVENTS = AuditEvent._meta.db_table
MONTHS = 100
FIRST = datetime(2018, 1, 1, tzinfo=UTC)
NOW = month_partitions.months_from(timezone.now(), 1)
_PAGE = re.compile(r"^SELECT \S+auditevent\".*LIMIT \d+( OFFSET \d+)?$")
BEGINNINGS = [each for each in month_partitions.months_from(FIRST, MONTHS) if each < NOW[0]] + NOW


@pytest.fixture(scope="module")
def _of_a_hundred_months(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), months.divided_database():
        execute(connection, f"DROP TABLE {EVENTS}_first")
        for month in BEGINNINGS:
            month_partitions.add_month(AuditEvent, month)
        yield


@pytest.fixture
def request_of_uma(_of_a_hundred_months: None, db: None) -> TokenRequest:
    """Among two hundred events of a hundred months."""
    company = Company()
    for month in BEGINNINGS:
        for day in range(2):
            event_of(month + day * timedelta(days=1), person=company.uma, actor=company.rita)
    request = company.request_in("rejected")
    sealing.seal()
    connection.check_constraints()
    execute(connection, "SET LOCAL enable_seqscan = off")  # three rows are read whole, whatever there is
    return request


@pytest.fixture
def auditor(request_of_uma: TokenRequest) -> Client:
    return signed_in(cast.person("olga", roles=(Role.AUDITOR,), sid=""))


def plans(work: Any) -> list[tuple[str, dict[str, Any]]]:
    """The statements that read audit events, with their plans."""
    with CaptureQueriesContext(connection) as asked:
        work()
    found = []
    for sql in dict.fromkeys(each["sql"] for each in asked.captured_queries):
        if re.match(r"\(?(SELECT|WITH|UPDATE|DELETE)\b", sql) and EVENTS in sql:
            kept = "GENERIC_PLAN, " if "$1" in sql else ""  # a plan that is kept for any values
            (row,) = execute(connection, f"EXPLAIN ({kept}FORMAT JSON) {sql}")
            plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
            found.append((sql, plan[0]["Plan"]))
    return found


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from steps(each)


def of_events(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """What reads a partition."""
    return [each for each in steps(plan) if str(each.get("Relation Name", "")).startswith(EVENTS)]


def assert_by_index(work: Any) -> list[tuple[str, dict[str, Any]]]:
    found = plans(work)
    assert found, "nothing asked for events"
    for sql, plan in found:
        whole = [each["Relation Name"] for each in of_events(plan) if each["Node Type"] == "Seq Scan"]
        assert not whole, (len(whole), sql)
    return found


@pytest.mark.parametrize(
    "query", ["", "event=request.rejected", "event=person.changed", "about=uma", "who=rita", "page=3"]
)
def test_a_page_of_the_newest_events_is_read_in_the_order_of_an_index(auditor: Client, query: str) -> None:
    for sql, plan in assert_by_index(lambda: auditor.get(f"/history/?{query}")):
        if not _PAGE.search(sql) or query in ("about=uma", "who=rita"):  # those by the index of the person
            continue
        sorts = [each for each in steps(plan) if each["Node Type"] == "Sort"]
        assert [each for each in steps(plan) if each["Node Type"] == "Merge Append"], sql
        assert not [each for each in sorts if len(of_events(each)) > MONTHS / 2], sql


def test_a_request_is_found_by_its_index(auditor: Client, request_of_uma: TokenRequest) -> None:
    assert_by_index(lambda: auditor.get(f"/history/?request={request_of_uma.reference}"))


def test_a_period_reads_its_months_alone(auditor: Client) -> None:
    day = (FIRST + timedelta(days=900)).date()
    found = assert_by_index(lambda: auditor.get(f"/history/?since={day}&until={day}"))
    for sql, plan in found:
        if " >= " in sql and '"at" <' in sql:
            read = {each["Relation Name"] for each in of_events(plan)}
            assert len(read) <= 2, (read, sql)
    assert any(len(of_events(plan)) for _sql, plan in found)


@pytest.mark.parametrize("address", ["/", "/history/check/"])
def test_other_pages_read_by_indexes(auditor: Client, address: str) -> None:
    assert_by_index(lambda: auditor.get(address))


def test_pages_of_requests_and_persons_read_by_indexes(request_of_uma: TokenRequest) -> None:
    browser = signed_in(Person.objects.get(personnel_number="P-ada"))
    assert_by_index(lambda: browser.get(f"/requests/{request_of_uma.pk}/"))
    assert_by_index(lambda: browser.get(reverse("console:person", args=[request_of_uma.person_id])))


def _newest() -> QuerySet[Any]:
    return AuditEvent.objects.order_by("-pk").values_list("pk", flat=True)[:1]


WORK: dict[str, Any] = {
    "the sealer": sealing.seal,
    "the end of the chain": lambda: AuditEvent.objects.sealed().last(),
    "what other systems get": lambda: list(AuditEvent.objects.sealed().filter(number__gt=100)[:50]),
    "retention of sign-ins": retention.forget_sign_ins,
    "retention": retention.cut_audit_log,
    "START": lambda: list(dashboard._events(Person.objects.get(personnel_number="P-ada"))),
    "a delivery of a webhook": lambda: delivering._message(
        delivering.WebhookDelivery(event=_newest().get(), kind="request.rejected"), with_persons=False
    ),
}


@pytest.mark.parametrize("work", WORK)
def test_periodic_work_reads_by_indexes(request_of_uma: TokenRequest, work: str) -> None:
    audit.record(audit.Event.CATALOGUE_CHANGED, actor=None, subject=None, version=2)
    assert_by_index(WORK[work])


def test_an_audit_pack_reads_the_months_of_its_period(request_of_uma: TokenRequest) -> None:
    since = FIRST + timedelta(days=900)
    rows = chain_proof.in_period(since, since + timedelta(days=20))
    for _sql, plan in assert_by_index(lambda: list(rows.order_by("pk"))):
        assert len(of_events(plan)) <= 3


def test_there_are_a_hundred_months(request_of_uma: TokenRequest) -> None:
    assert len(partitions.partitions(connection, EVENTS)) >= MONTHS
