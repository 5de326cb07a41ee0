"""Lists, counts, searches and periodic work find their rows by an index, however many there are.

Each statement that they make is explained by the database, which is told not to read whole tables where it
can help it; so a small table is enough to see what a large one would cost. What is read or sorted as a whole
takes as long as the table is long.
"""

import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from ca_bridge.contract import RevocationReason
from identity_manager.console.start import dashboard
from identity_manager.jobs import schedule
from identity_manager.models import (
    AuditEvent,
    BatchOrder,
    BatchSource,
    Certificate,
    RequestState,
    Role,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.people import erasure
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import placing
from identity_manager.workflow.batch import worker as batch_run
from identity_manager.workflow.revocation import revoke
from identity_manager.workflow.targets import sole_delivery
from tests.architecture.url_table import Visitor
from tests.architecture.url_world import World
from tests.identity_manager.workflow.batch.orders import work
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.long,
    pytest.mark.xdist_group("plans"),
]
# What grows with persons, requests and years. The others hold what an installation is set up with.
GROWS = frozenset(
    {
        "identity_manager_person",
        "identity_manager_tokenrequest",
        "identity_manager_softwaretoken",
        "identity_manager_certificate",
        "identity_manager_container",
        "identity_manager_outgoingmail",
        "identity_manager_auditevent",
        "identity_manager_termsacceptance",
        "identity_manager_batchline",
        "ca_bridge_caorder",
        "ca_bridge_caattempt",
        "embedded_ca_issuedcertificate",
    }
)
# States in which something waits for somebody.
WAITS = frozenset({"requested", "approved", "awaiting_acceptance", "issuing", "failed", "issued", "ordered"})
WAITS |= {"sealed", "on_hold", "queued", "bounced"}
BY_STATISTICS = "SQLite uses person_by_order once it has statistics"
# What may take as long as a table is, by a part of its statement, and why.
ACCEPTED = {
    'tokenrequest"."id" IS NOT NULL ORDER BY SUBSTR("identity_manager_person"."search_text"': BY_STATISTICS,
    'certificate"."id" IS NOT NULL ORDER BY SUBSTR("identity_manager_person"."search_text"': BY_STATISTICS,
    "JSON_TYPE(": "retention of requests: once an hour, outside any transaction",
    "JSON": "the same on PostgreSQL",
    '"container_retention_days"': "retention of containers: once an hour",
    '"subject" LIKE': "words within a subject, as far as the first thousand",
}
NOT_ASKED = {"vault.erase_traces"}  # asks for nothing: a checkpoint
STATISTICS = Path(__file__).with_name("sqlite_statistics.txt")
EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}
# A table that the statement calls by a name of its own: "identity_manager_person" U0.
_ALIAS = re.compile(r'"(\w+)" ([TU]\d+)\b')
# What words lead to is sorted as far as it is counted.
_FOUND = re.compile(r"^WITH found AS MATERIALIZED \((.*)\) SELECT pk, .* FROM found ORDER BY .*$", re.DOTALL)
# The keys of a page beside the number of all rows, and the key from which START looks at events: each is a
# query of its own within the statement, and judged alone.
_WITH_COUNT = re.compile(
    r"^SELECT \* FROM \((SELECT COUNT.*)\) numbered LEFT JOIN \((.*)\) listed ON TRUE$", re.DOTALL
)
_BEGINNING = re.compile(r"COALESCE\(\((SELECT (?:(?!SELECT).)* OFFSET \d+)\), ([^)]*)\)", re.DOTALL)
_MONTH = re.compile("_(first|default|y[0-9]+m[0-9]+)$")  # of a table that is divided by month (DIVIDED=1)
_SHORT_PAGE = re.compile(r"LIMIT \d$")
_PARTIAL = re.compile(
    r"INDEX (certificate_with_key|software_token_with_secret|certificate_to_be_revoked|certificate_by_hand"
    r"|ca_attempt_in_trouble|token_request_postponed|certificate_not_on_crl)"
)
# A condition beside those that every row meets.
_FILTERED = re.compile(r"WHERE (?!\S+\"id\" IS NOT NULL(?! AND)|\(\()")
# What ended since a day is near the young end of an index by age.
_OF_LATE = re.compile(r" AND \S+\"ended_at\" >= '[^']*'")
LISTS: tuple[tuple[Visitor, str], ...] = (
    (Visitor.ADMINISTRATOR, "/"),
    (Visitor.ADMINISTRATOR, "/open-tasks/"),
    (Visitor.APPROVER, "/"),
    (Visitor.APPROVER, "/open-tasks/"),
    (Visitor.APPROVER, "/open-tasks/decisions/"),
    (Visitor.REGISTRATION, "/"),
    (Visitor.REGISTRATION, "/open-tasks/"),
    (Visitor.SYSTEM, "/"),
    (Visitor.SYSTEM, "/open-tasks/"),
    (Visitor.AUDITOR, "/"),
    (Visitor.USERS, "/"),
    *(
        (Visitor.ADMINISTRATOR, f"/requests/?{query}")
        for query in (
            "",
            "state=open",
            "state=failed",
            "state=completed",
            "state=mail-refused",
            "sort=asked",
            "sort=-person",
            "sort=person",
            "sort=state",
            "sort=-state",
            "origin=self-service",
            "token_type=vpn",
            "asked_by=ada",
            "unit=Nord",
            "answer=late",
            "answer=waiting",
            "answer=approved",
            f"approver={uuid.UUID(int=1)}",
            f"approver={uuid.UUID(int=1)}&answer=rejected",
            "q=uma",
            "q=7K2M",
            "asked_from=2026-01-01",
            "asked_until=2026-01-01",
            "ended_from=2026-01-01",
            "page=3",
        )
    ),
    *(
        (Visitor.ADMINISTRATOR, f"/search/?kind=certificate&{query}")
        for query in (
            "",
            "state=valid",
            "state=revoked",
            "state=revocation-waits",
            "sort=issued",
            "sort=expires",
            "sort=-expires",
            "sort=person",
            "sort=state",
            "token_type=vpn",
            "unit=Nord",
            "ca=none",
            "state=awaited",
            "state=parked",
            "ordered_from=2026-01-01",
            "q=uma",
            "q=5e00",
            "expires_from=2026-01-01",
            "expires_before=2026-01-01",
            "revoked_from=2026-01-01",
            "revoked_until=2026-01-01",
        )
    ),
    *(
        (Visitor.ADMINISTRATOR, f"/search/?kind=employee&{query}")
        for query in (
            "",
            "q=uma",
            "state=active",
            "department=Legal",
            "unit=Nord",
            "department=Legal&unit=Nord",
            "token_type=any",
            "token_type=none",
            "token_type=vpn",
            "role=approver",
            "expires_before=2026-01-01",
            "sort=name",
            "sort=-email",
        )
    ),
    *(
        (Visitor.ADMINISTRATOR, f"/mails/?{query}")
        for query in (
            "",
            "state=queued",
            "state=sent",
            "state=trouble",
            "state=stuck",
            "q=uma",
            "message=delivery",
            "domain=example.org",
            "state=stripped&domain=example.org",
            "state=bounced&domain=example.org&unit=Nord&since=2026-01-01+00:00",
        )
    ),
    *(
        (Visitor.AUDITOR, f"/history/?{query}")
        for query in (
            "",
            "event=request.created",
            "who=ada",
            "about=uma",
            "request=7K2M",
            "since=2026-01-01",
            "until=2026-01-01",
            "page=3",
        )
    ),
    (Visitor.AUDITOR, "/history/check/"),
    # But for the tokens in use of all units, which are a count of them all.
    *(
        (Visitor.ADMINISTRATOR, f"/reports/{query}")
        for query in ("expiry/", "expiry/?unit=Nord", "waiting/", "approvals/", "issuance/", "mails/")
    ),
    (Visitor.SYSTEM, "/reports/issuance/"),
    (Visitor.ANONYMOUS, "/metrics"),
    (Visitor.OWNER, "/my/"),
    (Visitor.OWNER, "/my/open-tasks/"),
    (Visitor.OWNER, "/my/requests/"),
    (Visitor.OWNER, "/my/certificates/"),
    (Visitor.OWNER, "/my/request/"),
)


@pytest.fixture(autouse=True)
def _as_if_tables_were_long(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
    """PostgreSQL reads a short table as a whole, and sorts it, unless it is told that both are dear.

    START looks at the latest events alone, as soon as there are others. What plans are kept of is asked
    with its values in it, so that it can be explained as it stands; it is noted, to be explained for any
    values, too.
    """
    settings.PLAIN_QUERIES = False  # also where the other tests run without prepared queries
    monkeypatch.setattr(dashboard, "EVENTS_LOOKED_AT", 1)
    monkeypatch.setattr(type(connections[DEFAULT_DB_ALIAS]), "keeping_plans", noted, raising=False)
    names = ("enable_seqscan", "enable_sort") if connection.vendor == "postgresql" else ()
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"SET {name} = off")
    yield
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"RESET {name}")


@pytest.fixture
def of_a_million() -> Iterator[None]:
    """SQLite's statistics of an installation with a million requests (sqlite_stat1 after take_statistics)."""
    rows = [line.split("|") for line in STATISTICS.read_text(encoding="utf-8").splitlines()]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.executemany("INSERT INTO sqlite_stat1 VALUES (%s, %s, %s)", rows)
        cursor.execute("ANALYZE sqlite_schema")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.execute("ANALYZE sqlite_schema")


@pytest.mark.database
@pytest.mark.parametrize(("visitor", "address"), LISTS, ids=lambda value: str(getattr(value, "name", value)))
def test_a_list_is_found_by_an_index(world: World, visitor: Visitor, address: str) -> None:
    found = long_ways(lambda: world.browsers[visitor].get(address))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("visitor", "address"), LISTS, ids=lambda value: str(getattr(value, "name", value)))
def test_a_list_is_found_by_an_index_after_years(
    world: World, of_a_million: None, visitor: Visitor, address: str
) -> None:
    found = long_ways(lambda: world.browsers[visitor].get(address))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "job", [job for job in schedule.JOBS if job.name not in NOT_ASKED], ids=lambda job: str(job.name)
)
def test_periodic_work_is_found_by_an_index_after_years(
    world: World, of_a_million: None, job: schedule.Job
) -> None:
    found = long_ways(job.run)
    assert not found, "\n".join(found)


@pytest.mark.database
@pytest.mark.parametrize(
    "job", [job for job in schedule.JOBS if job.name not in NOT_ASKED], ids=lambda job: str(job.name)
)
def test_periodic_work_is_found_by_an_index(world: World, job: schedule.Job) -> None:
    found = long_ways(job.run)
    assert not found, "\n".join(found)


@pytest.mark.database
def test_a_token_is_found_by_an_index_on_its_whole_road(world: World) -> None:
    """Otherwise each would take the longer, the more there were before it."""
    ada = cast.person("ada-on-the-road", roles=(Role.TOKEN_ADMINISTRATOR,))
    owner = cast.person("owner-on-the-road", roles=(Role.SELF_SERVICE_USER,), sid="")
    request = cast.enabled(ada, owner, cast.token_type("road"))

    def go() -> None:
        token = cast.delivered(cast.issued(cast.accepted(request))).tokens.get()
        cast.shown(token)
        cast.noted(token)
        revoke.revoke_token(actor=ada, token_id=token.pk, reason=RevocationReason.SUPERSEDED)
        revoke.revoke_at_ca(certificate_id=token.certificates.get().pk)

    found = long_ways(go)
    assert TokenRequest.objects.get(pk=request.pk).state == RequestState.COMPLETED
    assert not found, "\n".join(found)


@pytest.mark.database
def test_a_batch_order_is_found_by_an_index_from_its_dry_run_to_its_end(world: World) -> None:
    """Its shards, and the lines of each: otherwise a chunk would take the longer, the more there are."""
    ada = cast.person("ada-of-many", roles=(Role.TOKEN_ADMINISTRATOR,))
    ids = [str(cast.person(f"one{number}-of-many", sid="").pk) for number in range(3)]
    types = [cast.token_type("of-many").pk]
    wanted = placing.BatchOrderInput(BatchSource.SELECTION, ids, types, accept_partial=False)

    def go() -> None:
        order = placing.place_order(actor=ada, order_id=uuid.uuid4(), wanted=wanted)
        work(order)
        batch_orders.start(actor=ada, order_id=order.pk)
        batch_run.run(order_id=order.pk)
        batch_orders.pause(actor=ada, order_id=order.pk)
        batch_orders.resume(actor=ada, order_id=order.pk)
        work(order)

    found = long_ways(go)
    assert BatchOrder.objects.latest("asked_at").counts == {"enabled": 3}
    assert not found, "\n".join(found)


@pytest.mark.database
def test_a_person_is_erased_by_indexes(world: World, settings: Settings) -> None:
    settings.ERASURE_DAYS = 0
    rita, rolf = (cast.person(f"{name}-erases", roles=(Role.REGISTRATION_OFFICER,), sid="") for name in "ab")
    leaver = cast.person("leaver-erased", sid="")
    leaver.lock()
    leaver.save()

    def go() -> None:
        asked = erasure.ask(actor=rita, person_id=leaver.pk)
        erasure.confirm(actor=rolf, erasure_id=asked.pk)

    found = long_ways(go)
    assert leaver.erasures.get().erased_at is not None
    assert not found, "\n".join(found)


@pytest.mark.database
@pytest.mark.parametrize("rows", [sole_delivery.stuck, sole_delivery.arrived])
def test_tokens_on_their_way_to_targets_have_an_index_of_their_own(
    world: World, rows: Callable[[], QuerySet[SoftwareToken]]
) -> None:
    """They are few beside all that were mailed, or have arrived."""
    assert "software_token_to_targets" in rows().explain()
    assert not long_ways(lambda: list(rows().order_by()))


def test_tokens_on_their_way_to_targets_are_found_by_it_after_years(world: World, of_a_million: None) -> None:
    for rows in (sole_delivery.stuck(), sole_delivery.arrived()):
        assert "software_token_to_targets" in rows.explain()


def test_a_list_without_an_index_is_noticed(world: World) -> None:
    """In a sort, in a filter of a count, and in a condition that no index has."""
    for rows in (
        TokenRequest.objects.order_by("snapshot_hash")[:25],
        Certificate.objects.order_by().filter(subject="x"),
        AuditEvent.objects.order_by("mac_key")[:1],
    ):
        assert long_ways(lambda rows=rows: list(rows)), rows.query  # type: ignore[misc]  # bound at once


KEPT: list[str] = []  # statements whose plans are kept, with the places of their open values


@contextmanager
def noted(connection: Any) -> Iterator[None]:
    """Note what is asked meanwhile."""

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        KEPT.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield


def long_ways(work: Callable[[], Any]) -> list[str]:
    """The statements of the work that would read or sort a long table as a whole, and how."""
    KEPT.clear()
    with CaptureQueriesContext(connection) as queries:
        work()
    found = []
    asked = [query for each in queries.captured_queries for query in _queries_of(each["sql"])]
    for query in dict.fromkeys(asked):
        if re.match(r"\(?(SELECT|UPDATE|DELETE)\b", query) and not any(part in query for part in ACCEPTED):
            found += [f"{steps}\n    {query}" for steps in [long_steps(query)] if steps]
    return found + long_ways_for_any_values()


def _queries_of(sql: str) -> list[str]:
    """The statement; the queries within it that SQLite answers one after the other."""
    if with_count := _WITH_COUNT.match(sql):
        return [*with_count.groups()]
    if beginning := _BEGINNING.search(sql):
        return [beginning[1], _BEGINNING.sub(r"\2", sql)]
    return [_FOUND.sub(r"\1", sql)]


def long_ways_for_any_values() -> list[str]:
    """The same of PostgreSQL's plans that are kept, which know no value but those that never change."""
    if connection.vendor != "postgresql":
        return []
    asked = [_numbered(query) for query in dict.fromkeys(KEPT)]
    return [
        f"{steps}\n    {query}"
        for query in asked
        for steps in [long_steps(query, "EXPLAIN (GENERIC_PLAN)")]
        if steps
    ]


def _numbered(query: str) -> str:
    """With places of values as PostgreSQL writes them: $1, $2. The driver says which one is an interval."""
    places = count(1)
    numbered = re.sub("%s|%%", lambda at: f"${next(places)}" if at[0] == "%s" else "%", query)
    return re.sub(r"(STATEMENT_TIMESTAMP\(\) - \$\d+)", r"\1::interval", numbered)


def long_steps(query: str, explain: str = "") -> list[str]:
    """What of the plan takes as long as a table is. Where tables are long, so are pages."""
    query = _SHORT_PAGE.sub("LIMIT 25", query)
    with connection.cursor() as cursor:
        cursor.execute(f"{explain or EXPLAIN[connection.vendor]} {query.replace('%', '%%')}", ())
        rows = cursor.fetchall()
    if connection.vendor == "postgresql":
        return _of_postgresql([row[0] for row in rows], query)
    return _of_sqlite([row[3] for row in rows], query)


def _of_sqlite(steps: list[str], query: str) -> list[str]:
    tables = defaultdict[str, set[str]](set)  # two subqueries may call different tables the same
    for table, alias in _ALIAS.findall(query):
        tables[alias].add(table)

    def is_long(step: str) -> bool:
        name = step.split()[1]
        return tables.get(name, {name}) <= GROWS

    scans = [step for step in steps if step.startswith("SCAN") and is_long(step)]
    scans = [step for step in scans if not _PARTIAL.search(step)]
    sorts = "USE TEMP B-TREE FOR ORDER BY" in steps
    first = next((step for step in steps if step.startswith(("SEARCH", "SCAN"))), "")
    if scans and (sorts or not _is_cut_off(query, scans)):
        return scans
    by_parent = re.search(r"\((\w*_)?(id|rowid|number)=\?", first)
    if (
        sorts
        and first
        and not _PARTIAL.search(first)
        and is_long(first)
        and not by_parent
        and not _waits(query)
        and "<?" not in first
    ):
        return [first, "sort"]
    return []


def _is_cut_off(query: str, scans: list[str]) -> bool:
    """Read in the order of an index, or in any, and no further than a page or a count goes."""
    in_order = all("INDEX" in step for step in scans)
    query = _OF_LATE.sub("", query)
    return "LIMIT" in query and (in_order or "ORDER BY" not in query) and not _FILTERED.search(query)


def _of_postgresql(lines: list[str], query: str) -> list[str]:
    """Where it may neither read as a whole nor sort, it does so only where there is no other way."""
    scans = [
        line.strip()
        for line in lines
        if (at := re.search(r"Seq Scan on (\w+)", line)) and _MONTH.sub("", at[1]) in GROWS
    ]
    return [] if scans and _is_cut_off(query, ["INDEX"]) else scans


def _waits(query: str) -> bool:
    """Whether it is about what waits: as much as there is to do, and not as much as there has been.

    Of revoked certificates that have not ended the keys are read and sorted: SQLite takes another index than
    that of those which no CRL lists.
    """
    if '"on_crl_at" IS NULL' in query:
        return True
    states = re.findall(r"\"state\" (?:IN \(([^)]*)\)|= ('\w+'))", query)
    return any(set(re.findall(r"'(\w+)'", "".join(each))) <= WAITS for each in states)
