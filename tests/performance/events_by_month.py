"""The audit log of by_month.py: months full of events, and what is measured among them."""

import argparse
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from ca_bridge.database import partitions
from identity_manager import audit, audit_proof
from identity_manager.audit import heads, keys, person_references, sealing, verification
from identity_manager.jobs import audit_months, month_division, month_partitions, retention
from identity_manager.models import (
    AuditChain,
    AuditEvent,
    HeadKind,
    Person,
    RequestOrigin,
    Role,
    TokenRequest,
)
from tests.performance import browsers, crowd
from tests.performance.by_month import look_at_the_disk
from tests.performance.timing import percentile, seconds_of

REQUESTS = 20_000  # of which the events are
VERIFIED, APPENDED, VISITS = 20_000, 1_000, 20
MOST_RUNS = 1_000  # of retention, each of which reads for a minute
SHOWN = 1_500  # the number of an event whose request has all its events
MEASURING = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on"}
NAMES = (
    *("request.created", "request.approved", "request.invited", "request.accepted", "certificate.issued"),
    *("certificate.issued", "certificate.issued", "token.sealed", "token.delivered", "request.completed"),
)
# An MD5 sum twice is as long as a SHA-256; all hashes of an event come from one, which costs least.
HASH = "sum || sum"


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Fill the log of this installation, and measure. server_gb: with indexes and write-ahead log."""
    began = time.monotonic()
    events = filled(options)
    report: dict[str, Any] = {"events": events, "months": options.months}
    report["filling_seconds"] = round(time.monotonic() - began)
    report["bytes_per_event"] = _size() // events
    files = (each for each in (options.place / "data").rglob("*") if each.is_file())
    report["server_gb"] = round(sum(each.stat().st_size for each in files) / 1e9, 1)
    for name, value in MEASURING.items():
        _run(f"ALTER SYSTEM SET {name} = '{value}'")
    _run("SELECT pg_reload_conf()")
    _run("CHECKPOINT")
    os.sync()  # else the first commits wait for what filling left
    return report | _appended() | _pages() | _verified() | _dropped()


# --- Filling ---------------------------------------------------------------------------------------
def filled(options: argparse.Namespace) -> int:
    """Months full of events, the present one last; returns how many events there are."""
    _make_requests()
    month_division.divide(AuditEvent, say=lambda _: None)
    _run(f"DROP TABLE {AuditEvent._meta.db_table}_first")
    numbered = "SELECT id, person_id, row_number() OVER () AS place FROM identity_manager_tokenrequest"
    _run(f"CREATE TABLE numbered AS {numbered}")
    _run("CREATE UNIQUE INDEX ON numbered (place)")
    _run("ANALYZE numbered")
    done, each = 0, options.events // options.months
    for month in months_until(datetime.now(UTC), options.months):
        look_at_the_disk(options, each * options.months - done)
        done = _fill_month(month, done, each)
        sys.stderr.write(f"{done:,} events\n")
    _make_the_end_of_the_oldest_month_true(each)
    last = AuditEvent.objects.get(number=done)
    AuditChain.objects.update_or_create(pk=1, defaults={"number": done, "chain": last.chain})
    month_partitions.create_next_partitions()
    return done


def months_until(now: datetime, number: int) -> list[datetime]:
    """The beginnings of so many months, the one of `now` last."""
    first = now
    for _each in range(number - 1):
        first = month_partitions.months_from(first, 1)[0] - timedelta(days=1)
    return month_partitions.months_from(first, number)


def _make_requests() -> None:
    """Ended requests of as many persons, for the foreign keys."""
    crowd.fill(REQUESTS)
    rows = [
        TokenRequest(person=each, requested_by=each, origin=RequestOrigin.values[0], snapshot_hash="0" * 64)
        for each in Person.objects.all()
    ]
    TokenRequest.objects.bulk_create(rows, batch_size=1_000)
    _run("UPDATE identity_manager_tokenrequest SET state = 'completed', ended_at = now()")


def _fill_month(month: datetime, done: int, each: int) -> int:
    """In one transaction, so that PostgreSQL writes no log of it; indexes come after the rows."""
    table = AuditEvent._meta.db_table
    name, end = f"{table}_y{month:%Ym%m}", month_partitions.months_from(month, 2)[1]
    step = (min(end, datetime.now(UTC)) - month).total_seconds() * 1000 / (each + 1)
    first = int(month.timestamp() * 1000)
    with transaction.atomic():
        _run(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES)")
        _run(_rows(name, first=first, step=step, done=done, each=each))
        for definition in _index_definitions(table):
            _run(definition.replace(f"ON ONLY public.{table} ", f"ON {name} "))
        _run(f"CREATE UNIQUE INDEX ON {name} (number)")
        _run(f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
        bounds = f"FROM ('{partitions.first_key(month)}') TO ('{partitions.first_key(end)}')"
        _run(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}")
    _run(f"VACUUM (ANALYZE) {name}")  # as autovacuum does in life, before somebody reads the month
    return done + each


def _rows(name: str, *, first: int, step: float, done: int, each: int) -> str:
    """Ten events of a request after each other; keys and moments rise with the numbers."""
    moment = f"({first} + (n - {done}) * {step})"
    random = "'7' || substr(sum, 1, 3) || '8' || substr(sum, 4, 15)"
    key = f"(lpad(to_hex({moment}::bigint), 12, '0') || {random})::uuid"
    names = ", ".join(f"'{each}'" for each in NAMES)
    columns = {
        "id": key,
        "name": f"(ARRAY[{names}])[1 + n % {len(NAMES)}]",
        "at": f"to_timestamp({moment} / 1000)",
        "actor_id": "numbered.person_id",
        "person_id": "numbered.person_id",
        "request_id": "numbered.id",
        "facts": "jsonb_build_object('state', 'completed', 'number', n)",
        "actor_ref": HASH,
        "person_ref": HASH,
        "facts_salt": "sum",
        "personal_sha256": HASH,
        "number": "n",
        "content_sha256": HASH,
        "previous": HASH,
        "chain": HASH,
        "mac": HASH,
        "mac_key": f"'{keys.newest_mac_key()[0]}'",
        "form": "2",
        "body_sha256": "''",
    }
    # OFFSET 0: else PostgreSQL reckons the sum anew for each column.
    series = f"generate_series({done + 1}, {done + each}) AS n"
    numbers = f"(SELECT n, md5(n::text) AS sum FROM {series} OFFSET 0) AS numbers"  # noqa: S608 numbers alone
    join = f"JOIN numbered ON place = 1 + (n / 10) % {REQUESTS - 100}"
    chosen = ", ".join(columns.values())
    return f"INSERT INTO {name} ({', '.join(columns)}) SELECT {chosen} FROM {numbers} {join}"  # noqa: S608 our own tables


def _make_the_end_of_the_oldest_month_true(number: int) -> None:
    """Its last event and the one after, as the sealer would have sealed them, and the head of then."""
    previous = None
    for event in AuditEvent.objects.filter(number__in=(number, number + 1)).order_by("number"):
        event.content_sha256 = event.own_hash
        event.previous = previous or event.previous
        event.chain = previous = audit_proof.link(event.previous, event.content_sha256)
        event.mac = audit_proof.mac(keys.newest_mac_key()[1], event.chain)
        event.save()
    head = heads.make(number + 1, event.chain, kind=HeadKind.HEAD)
    head.signed_at = event.at
    head.signature = audit_proof.sign(keys.signing_key()[1], head.statement)
    head.save()


def _index_definitions(table: str) -> list[str]:
    there = f"FROM pg_index WHERE indrelid = '{table}'::regclass AND NOT indisprimary"
    rows = _run(f"SELECT pg_get_indexdef(indexrelid) {there}")
    return [f"CREATE INDEX ON{definition.partition(' ON')[2]}" for (definition,) in rows]


# --- Measuring -------------------------------------------------------------------------------------
def _appended() -> dict[str, Any]:
    """Events, each in a transaction of its own, then many, and how long the sealer takes for all."""
    person = Person.objects.filter(personnel_number__startswith="B").first()
    assert person is not None

    def event() -> AuditEvent:
        return audit.event_about(audit.Event.PERSON_CHANGED, actor=None, subject=person)

    def append() -> None:
        with transaction.atomic():
            audit.record(audit.Event.PERSON_CHANGED, actor=None, subject=person)

    took = [seconds_of(append) * 1000 for _each in range(APPENDED)]
    for _portion in range(VERIFIED // 1_000):
        audit.append([event() for _each in range(1_000)])

    def seal() -> None:
        while sealing.seal():
            pass

    rate = (APPENDED + VERIFIED) / seconds_of(seal)
    return {"append_ms": _rounded(50, took), "append_p95_ms": _rounded(95, took), "sealed_per_s": round(rate)}


def _pages() -> dict[str, Any]:
    """Of an Auditor: the newest, one kind of event, one request; medians after a first visit."""
    person = Person.objects.filter(personnel_number__startswith="B").last()
    assert person is not None
    person.roles.create(role=Role.AUDITOR)
    client = browsers.client(person)
    reference = TokenRequest.objects.get(events__number=SHOWN).reference
    pages = {"newest": "", "of_one_kind": "?event=request.approved", "of_a_request": f"?request={reference}"}
    return {f"history_{name}_ms": _page(client, f"/history/{query}") for name, query in pages.items()}


def _page(client: Client, address: str) -> float:
    def visit() -> None:
        answer = client.get(address)
        assert answer.content.count(b"<tr") > len(NAMES), f"{address} lists too little"

    visit()
    return _rounded(50, [seconds_of(visit) * 1000 for _each in range(VISITS)])


def _verified() -> dict[str, Any]:
    """Verification of the newest events, as the command does it for all."""
    last = AuditEvent.objects.sealed().last()
    walk, number = verification._Walk([]), last.number - VERIFIED if last and last.number else 0

    def verify() -> None:
        place = number
        while events := list(AuditEvent.objects.sealed().filter(number__gt=place)[: verification.AT_ONCE]):
            salts = person_references.salts_of({event.person_id for event in events if event.person_id})
            for event in events:
                walk._look_at(event, salts)
            place = events[-1].number or 0

    seconds = seconds_of(verify)
    findings = [each for each in walk._report.findings if each.kind != verification.AuditFault.BEGINNING]
    assert not findings, findings[0]
    return {"verified_per_s": round(VERIFIED / seconds)}


def _dropped() -> dict[str, Any]:
    """Retention, which reads the oldest month by as many runs as it takes, and drops it under a lock."""
    first = AuditEvent.objects.sealed().first()
    assert first is not None
    settings.RETENTION_AUDIT_DAYS = (timezone.now() - first.at).days - 32
    gone, under_lock = [0], [0.0]
    drop_month = audit_months._drop

    def timed(*arguments: Any) -> int:
        began, gone[0] = time.perf_counter(), drop_month(*arguments)
        under_lock[0] = time.perf_counter() - began
        return gone[0]

    def drop() -> None:
        for _run in range(MOST_RUNS):
            if retention.cut_audit_log():
                return

    with mock.patch.object(audit_months, "_drop", timed):
        seconds = seconds_of(drop)
    assert gone[0], "nothing was dropped"
    locked = round(under_lock[0] * 1000, 1)
    return {"dropped_events": gone[0], "drop_seconds": round(seconds, 2), "locked_ms": locked}


# --- Small things ----------------------------------------------------------------------------------
def _run(sql: str) -> list[Any]:
    return partitions.execute(connection, sql)


def _size() -> int:
    there = "FROM pg_inherits WHERE inhparent = 'identity_manager_auditevent'::regclass"
    return int(_run(f"SELECT sum(pg_total_relation_size(inhrelid)) {there}")[0][0])


def _rounded(share: int, values: list[float]) -> float:
    return round(percentile(values, share), 2)
