"""Retention of an audit log that is divided by month: which month goes, how it is read, what stays."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import pytest
from django.core import signing
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.database import partitions
from ca_bridge.database.partitions import Partition, execute
from identity_manager.audit import heads, sealing, verification
from identity_manager.jobs import audit_months, month_partitions, resumable_scan, retention
from identity_manager.models import AuditChain, AuditEvent, AuditHead
from tests.tools import months
from tests.tools.cast import Company
from tests.tools.months import event_of

pytestmark = [
    pytest.mark.long,
    pytest.mark.database,
    pytest.mark.usefixtures("postgresql_only", "undivided_only"),
]
EVENTS = AuditEvent._meta.db_table
DAY = timedelta(days=1)
MARCH, APRIL = datetime(2021, 3, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)
LONG_BEFORE, FAR_AHEAD = datetime(2020, 5, 5, tzinfo=UTC), datetime(2120, 5, 5, tzinfo=UTC)


@pytest.fixture
def divided(db: None) -> Company:
    company = Company()
    months.divide()
    return company


@pytest.fixture
def filled(divided: Company, settings: Settings) -> Callable[..., list[AuditEvent]]:
    """The first partition is gone; two months of events are older than they are kept, then come today's.

    Takes numbers of events of March that a clock has written which was behind, or ahead.
    """
    settings.RETENTION_AUDIT_DAYS = 365
    cache.delete(audit_months.READ_TO)
    execute(connection, f"DROP TABLE {EVENTS}_first")
    for month in (MARCH, APRIL, month_partitions.months_from(timezone.now(), 1)[0]):
        month_partitions.add_month(AuditEvent, month)

    def fill(*behind: int, ahead: Collection[int] = ()) -> list[AuditEvent]:
        said = dict.fromkeys(behind, LONG_BEFORE) | dict.fromkeys(ahead, FAR_AHEAD)
        events = [event_of(said.get(day, MARCH) + day * DAY) for day in range(1, 30)]
        straggler = event_of(APRIL + timedelta(seconds=1))
        events.append(event_of(APRIL - timedelta(seconds=1)))
        for event in (*events[:-1], straggler, events[-1]):
            _seal(event)
        events += [straggler] + [event_of(APRIL + day * DAY) for day in range(1, 20)]
        sealing.seal()
        with pytest.MonkeyPatch.context() as clock:
            clock.setattr(timezone, "now", lambda: APRIL + 40 * DAY)
            heads.sign()
        event_of(timezone.now())
        sealing.seal()
        connection.check_constraints()
        assert in_default() == len(behind) + len(ahead)
        return events

    return fill


@pytest.fixture
def two_old_months(filled: Callable[..., list[AuditEvent]]) -> list[AuditEvent]:
    return filled()


def is_there(month: str) -> bool:
    """Whether that month of 2021 is."""
    return f"{EVENTS}_y2021m{month}" in {each.name for each in partitions.partitions(connection, EVENTS)}


def in_default() -> int:
    """How many events lie in the default partition."""
    return int(execute(connection, f"SELECT count(*) FROM {EVENTS}_default")[0][0])  # noqa: S608 our own tables


def _seal(event: AuditEvent) -> None:
    """In the order of commits, which is not that of keys."""
    others = AuditEvent.objects.unsealed().exclude(pk=event.pk)
    kept = list(others)
    others.delete()
    sealing.seal()
    AuditEvent.objects.bulk_create(kept)


def test_the_oldest_month_goes_as_a_whole_and_the_proof_stays(two_old_months: list[AuditEvent]) -> None:
    assert retention.cut_audit_log() == 31, "the month, and what of the next one was sealed before its last"
    assert not is_there("03")
    sealing.seal()
    report = verification.verify()
    assert (report.findings, report.first) == ([], 32)
    assert AuditEvent.objects.get(name="audit.cut").facts == {"first": 1, "last": 31, "rows": 31}
    assert AuditHead.objects.get(kind="checkpoint").number == 31
    connection.check_constraints()
    assert retention.cut_audit_log() == 19
    assert retention.cut_audit_log() == 0
    sealing.seal()
    assert verification.verify().findings == []


def test_a_month_that_is_not_over_for_long_enough_stays(
    two_old_months: list[AuditEvent], settings: Settings
) -> None:
    settings.RETENTION_AUDIT_DAYS = (timezone.now() - datetime(2021, 3, 20, tzinfo=UTC)).days
    assert retention.cut_audit_log() == 0


def test_a_month_with_an_event_of_an_open_request_goes_up_to_it(
    two_old_months: list[AuditEvent], divided: Company
) -> None:
    request = divided.request_in("requested")
    AuditEvent.objects.filter(number=9).update(request=request)
    assert retention.cut_audit_log() == 8
    assert AuditEvent.objects.sealed().first().number == 9  # type: ignore[union-attr]  # there are some


FORGERIES: dict[str, Callable[[QuerySet[AuditEvent]], object]] = {
    "the last one has another date": lambda rows: rows.filter(number=31).update(
        at=datetime(2021, 1, 1, tzinfo=UTC)
    ),
    "one is missing": lambda rows: rows.filter(number=12).delete(),
    "one is not sealed": lambda rows: rows.filter(number=12).update(number=None),
    "the next one follows another": lambda rows: rows.filter(number=32).update(previous="0" * 64),
    "today's has the key and the date of an old one": lambda rows: rows.filter(number=51).update(
        id=months.key_of(datetime(2021, 3, 30, tzinfo=UTC)), at=datetime(2021, 3, 30, tzinfo=UTC)
    ),
}


def test_a_month_that_is_not_as_it_was_sealed_stays(two_old_months: list[AuditEvent]) -> None:
    """Whoever can write to the table could otherwise have the job remove, and sign, what they choose."""
    for forgery, forge in FORGERIES.items():
        with transaction.atomic():
            forge(AuditEvent.objects.all())
            connection.check_constraints()
            retention.cut_audit_log()
            assert is_there("03"), forgery
            transaction.set_rollback(True)


def test_younger_events_do_not_go_with_a_month_into_which_they_were_moved(
    two_old_months: list[AuditEvent],
) -> None:
    """The two events that are looked at are true and follow each other; their numbers are in no hash."""
    event_of(timezone.now())
    sealing.seal()
    rows = AuditEvent.objects.all()
    last, after = rows.get(number=31), rows.get(number=32)
    younger = list(rows.filter(number__gt=32).order_by("number"))
    end = younger[-1].number or 0
    rows.filter(number__gte=31).update(number=None)
    for number, event in enumerate(younger, start=31):
        moved = months.key_of(datetime(2021, 3, 30, tzinfo=UTC))
        rows.filter(pk=event.pk).update(number=number, id=moved)
    rows.filter(pk=last.pk).update(number=end - 1)
    rows.filter(pk=after.pk).update(number=end)
    AuditChain.objects.update(number=end, chain=after.chain)
    connection.check_constraints()
    audit_months.drop_oldest(timezone.now() - 365 * DAY, is_needed=Q(pk=None))
    assert rows.count() >= end - 1
    assert not AuditHead.objects.filter(kind="checkpoint").exists()


# --- How a month is read ---------------------------------------------------------------------------
def test_a_long_month_is_read_in_portions_by_several_runs_and_not_under_the_lock(
    two_old_months: list[AuditEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_months, "AT_ONCE", 10)
    monkeypatch.setattr(resumable_scan, "SECONDS", 0)
    assert [retention.cut_audit_log() for _run in range(3)] == [0, 0, 0]
    assert is_there("03")
    with CaptureQueriesContext(connection) as asked:
        assert retention.cut_audit_log() == 31
    statements = [query["sql"] for query in asked.captured_queries]
    lock = next(place for place, sql in enumerate(statements) if sql.startswith("LOCK TABLE"))
    counts = [place for place, sql in enumerate(statements) if "COUNT(" in sql and EVENTS in sql]
    assert len(counts) == 1, "one portion in each run"
    assert counts[0] < lock
    assert not is_there("03")


def test_what_was_done_with_statements_under_the_lock_does_not_grow_with_the_month(
    two_old_months: list[AuditEvent],
) -> None:
    """Each finds its row by an index: PostgreSQL is not to read the month, however it is asked."""
    connection.check_constraints()
    execute(connection, "SET LOCAL enable_seqscan = off")  # ten rows are read whole, whatever there is
    month = audit_months._oldest()
    assert month is not None
    with CaptureQueriesContext(connection) as asked:
        assert audit_months._cut_at(month, timezone.now() - 365 * DAY) is not None
    for query in asked.captured_queries:
        plan = "\n".join(row for (row,) in execute(connection, f"EXPLAIN {query['sql']}"))
        assert "Seq Scan on identity_manager_auditevent" not in plan, plan


CHANGES: dict[str, Callable[[], object]] = {
    "a younger event comes in": lambda: AuditEvent.objects.filter(number=51).update(
        id=months.key_of(MARCH + 3 * DAY)
    ),
    "one that is not sealed comes in": lambda: event_of(MARCH + 3 * DAY),
    "the last one is another": lambda: AuditEvent.objects.filter(number=31).update(at=MARCH),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_month_that_changes_after_it_was_read_stays(
    two_old_months: list[AuditEvent], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    lock = audit_months._with_lock

    def changed(month: Partition, drop: Callable[[], int]) -> int:
        CHANGES[change]()
        connection.check_constraints()
        return lock(month, drop)

    monkeypatch.setattr(audit_months, "_with_lock", changed)
    assert retention.cut_audit_log() == 0
    assert is_there("03")


def test_nobody_else_says_how_far_a_month_was_read(two_old_months: list[AuditEvent]) -> None:
    AuditEvent.objects.filter(number=12).delete()
    place = [f"{EVENTS}_y2021m03", 32]
    cache.set(audit_months.READ_TO, signing.dumps(place, salt="of another"), timeout=None)
    retention.cut_audit_log()
    assert is_there("03")


def test_a_place_of_another_month_does_not_count(two_old_months: list[AuditEvent]) -> None:
    AuditEvent.objects.filter(number=12).delete()
    cache.set(audit_months.READ_TO, signing.dumps([f"{EVENTS}_y2021m02", 32], salt=audit_months.READ_TO))
    retention.cut_audit_log()
    assert is_there("03")


# --- After the last month: a clock was ahead -------------------------------------------------------
@pytest.fixture
def ahead(filled: Callable[..., object]) -> list[AuditEvent]:
    """Of the events of March the tenth and the eleventh say that they are of the future."""
    filled(ahead=(10, 11))
    first, last = (AuditEvent.objects.get(number=number) for number in (5, 12))
    for event, days in ((first, 5), (last, 12)):
        with pytest.MonkeyPatch.context() as clock:
            now = MARCH + days * DAY
            clock.setattr(timezone, "now", lambda moment=now: moment)
            heads.make(event.number or 0, event.chain, kind=heads.HeadKind.HEAD)
    return list(AuditEvent.objects.filter(number__in=(10, 11)))


def test_what_says_that_it_is_of_the_future_goes_with_its_month(ahead: list[AuditEvent]) -> None:
    assert retention.report_audit_log_cut() == 31
    assert (in_default(), is_there("03")) == (0, False)
    assert retention.report_audit_log_cut() == 19
    sealing.seal()
    assert verification.verify().findings == []


def test_its_age_is_not_proven_under_the_lock(
    ahead: list[AuditEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_months.ages, "are_older", lambda _events, _old: 1 / 0)
    month = audit_months._oldest()
    assert month is not None
    old = timezone.now() - 365 * DAY
    assert audit_months._cut_at(month, old, proven=frozenset(each.chain for each in ahead)) is not None
    assert audit_months._cut_at(month, old, proven=frozenset([ahead[0].chain])) is None


def test_without_heads_that_prove_it_the_month_stays_from_there_on_and_it_is_told(
    ahead: list[AuditEvent],
) -> None:
    AuditHead.objects.filter(number__lt=31).delete()
    assert retention.report_audit_log_cut() == 9
    said = retention.report_audit_log_cut()
    assert str(said).startswith("waits behind event #10, which says ")
    assert is_there("03")


# --- Before the first month ------------------------------------------------------------------------
def test_what_a_clock_that_was_behind_has_left_goes_with_the_month(filled: Callable[..., object]) -> None:
    filled(5, 6)
    assert retention.cut_audit_log() == 31
    assert (in_default(), is_there("03")) == (0, False)
    sealing.seal()
    assert verification.verify().findings == []


def test_what_is_much_goes_event_by_event(
    filled: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(5, 6, 7)
    monkeypatch.setattr(audit_months, "MOST_STRAGGLERS", 2)
    assert retention.cut_audit_log() == 50, "as of a table that is not divided"
    assert in_default() == 0
    assert retention.cut_audit_log() == 0
    assert not is_there("03"), "it was empty"


def test_where_the_log_begins_there_it_goes_before_the_month_is_over(
    filled: Callable[..., object], settings: Settings
) -> None:
    filled(1, 2)
    settings.RETENTION_AUDIT_DAYS = (timezone.now() - datetime(2021, 3, 20, tzinfo=UTC)).days
    assert retention.cut_audit_log() == 19
    assert in_default() == 0
    assert retention.cut_audit_log() == 0, "what is left goes with the month"
    sealing.seal()
    assert verification.verify().findings == []
