"""Retention of an audit log that is divided by month: the oldest month is dropped as a whole.

Months are ranges of keys; the chain's order is that of sealing, a moment later. So the checkpoint lies at the
highest number of the month, and the few events of other partitions that were sealed before it go one by one:
of the next month, and what a clock that was far behind has left in the default partition.
A head that was signed before the retention period covers that number: so whoever can write to the database
cannot have the job drop younger events by moving them, with other numbers, into the month. What says that it
is younger, because a clock was ahead that dated it, goes if heads prove its age (audit/ages.py).

The month is read in portions, each in a statement of its own and without a lock. The place is kept, signed,
so that a long month takes several runs. The exclusive lock is held for probes of indexes alone, and they say
that the month is as it was read: each number up to the highest was there, which is still the highest; a
unique index gives each to one event, and no event is left to which the sealer could give one. What nothing
needed is needed by nothing later: an ended request or token never comes to life again.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.db.models import Min, Q

from ca_bridge.database import partitions
from ca_bridge.database.lock_conflicts import is_lock_conflict
from ca_bridge.database.partitions import Partition, execute
from identity_manager import audit
from identity_manager.audit import ages, heads, notes
from identity_manager.jobs import resumable_scan
from identity_manager.jobs.month_partitions import LOCK_SECONDS, QUOTE, table_of
from identity_manager.models import AuditEvent, HeadKind

logger = logging.getLogger(__name__)
LONGEST_TRANSACTION = timedelta(hours=1)  # an event may be so much older than the one sealed before it
MOST_STRAGGLERS = 2000  # events of other partitions that were sealed before the last of this one
AT_ONCE = 20_000  # numbers of a portion
READ_TO = "audit-months.read"  # in the cache, and the salt of its signature


@dataclass(frozen=True)
class Cut:
    """Part of the log that goes with a month: up to the month's last number, some of it in other partitions.

    proven: links of the events that say that they are younger, and are proven to be old.
    """

    first: int
    last: AuditEvent
    stragglers: list[AuditEvent]
    proven: frozenset[str]

    @property
    def end(self) -> int:
        """Behind the last number."""
        return (self.last.number or 0) + 1


def drop_oldest(old: datetime, *, is_needed: Q) -> int | None:
    """Drop the oldest month if all its events are from before `old` and none is needed; return how many went.

    None: events go one by one instead: of a table that is not divided, of what was there before it was, of a
    month that is over and cannot go as a whole, and of the default partition, where the log begins in it.
    Raises audit.keys.NoKey.
    """
    month = _oldest()
    if month is None or month.until is None:
        return None
    if month.until > old - LONGEST_TRANSACTION:
        by_event = month.since is None or month.until <= old or _begins_before(month.since)
        return None if by_event else 0
    cut = _cut_at(month, old)
    if cut is None and _is_empty(month):  # its events went one by one
        return _with_lock(month, lambda: _drop_empty(month))
    if cut is None:
        return None
    read_to = _read(month, cut, is_needed)
    if read_to is None:
        return None
    if read_to < cut.end:
        return 0  # the next run goes on there
    return _with_lock(month, lambda: _drop(month, cut, old))


def _oldest() -> Partition | None:
    months = [each for each in partitions.partitions(connection, table_of(AuditEvent)) if not each.is_default]
    return months[0] if len(months) > 1 else None


def _begins_before(since: datetime) -> bool:
    """Whether the log begins with an event of before the first month: the default partition has it."""
    first = AuditEvent.objects.sealed().first()
    return first is not None and first.pk < partitions.first_key(since)


def _is_empty(month: Partition) -> bool:
    sql = f"SELECT EXISTS (SELECT FROM {QUOTE(month.name)})"  # noqa: S608 our own tables
    return not execute(connection, sql)[0][0]


def _cut_at(month: Partition, old: datetime, *, proven: frozenset[str] | None = None) -> Cut | None:
    """By probes of indexes alone, but for events of a clock that was ahead, whose age is proven by reading.

    proven: of a cut that was made before; then nothing is read. None: the month is empty, or cannot go as a
    whole.
    """
    name = QUOTE(month.name)
    sql = f"SELECT max(number), EXISTS (SELECT FROM {name} WHERE number IS NULL) FROM {name}"  # noqa: S608 our own tables
    number, unsealed = execute(connection, sql)[0]
    if number is None or unsealed:
        return None
    if not heads.was_sealed_before(number, old):
        logger.info("No old head covers the audit log of %s; it is dropped later.", month.name)
        return None
    gone = AuditEvent.objects.sealed().filter(number__lte=number)
    last, elsewhere = gone.exclude(_outside(month)).get(number=number), gone.filter(_outside(month))
    stragglers = list(elsewhere[: MOST_STRAGGLERS + 1])
    if len(stragglers) > MOST_STRAGGLERS or not _is_end_as_sealed(last, stragglers):
        _warn(month)
        return None
    late = [each for each in (last, *stragglers) if each.at >= old - LONGEST_TRANSACTION]
    links = frozenset(each.chain for each in late)
    if not (links <= proven if proven is not None else ages.are_older(late, old)):
        logger.info("The audit log of %s has an event that is not old, or whose clock was ahead.", month.name)
        return None
    return Cut(gone.order_by().aggregate(first=Min("number"))["first"], last, stragglers, links)


def _outside(month: Partition) -> Q:
    """Events of other partitions; among those of before the month are some of the default partition alone."""
    outside = Q(pk__gte=partitions.first_key(month.until)) if month.until else Q()
    return outside | Q(pk__lt=partitions.first_key(month.since)) if month.since else outside


def _is_end_as_sealed(last: AuditEvent, stragglers: list[AuditEvent]) -> bool:
    """Whether the last event is as sealed, and the next one follows it.

    Neither hashes nor links say which number an event has: the signed head says it, which _cut_at asks for.
    """
    after = AuditEvent.objects.filter(number=(last.number or 0) + 1).first()
    if after is not None and not (notes.is_as_sealed(after) and after.previous == last.chain):
        return False
    return all(notes.is_as_sealed(each) for each in (last, *stragglers))


def _read(month: Partition, cut: Cut, is_needed: Q) -> int | None:
    """Read the numbers that would go, for a while; return behind which one that is not yet done.

    None: one is missing, or an event is needed. Where that was is looked at first in the next run.
    """
    place, until = max(cut.first, _place_of(month)), time.monotonic() + resumable_scan.SECONDS
    while place < cut.end:
        end = min(place + AT_ONCE, cut.end)
        portion = AuditEvent.objects.filter(number__gte=place, number__lt=end)
        if portion.count() != end - place:
            _warn(month)
            return None
        if portion.filter(is_needed).exists():
            return None
        place = end
        cache.set(READ_TO, signing.dumps([month.name, place], salt=READ_TO), timeout=None)
        if time.monotonic() >= until:
            break
    return place


def _place_of(month: Partition) -> int:
    """The number that the runs before have come to; 0 where nobody has signed one for this month."""
    try:
        name, place = signing.loads(cache.get(READ_TO, ""), salt=READ_TO)
    except signing.BadSignature:
        return 0
    return int(place) if name == month.name else 0


def _warn(month: Partition) -> None:
    logger.warning("The audit log of %s is not as it was sealed, and stays; verify it.", month.name)


# --- Under the lock --------------------------------------------------------------------------------
def _with_lock(month: Partition, drop: Callable[[], int]) -> int:
    table = QUOTE(table_of(AuditEvent))
    try:
        with transaction.atomic():
            execute(connection, f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            execute(connection, f"LOCK TABLE ONLY {table}, {QUOTE(month.name)} IN ACCESS EXCLUSIVE MODE")
            return drop()
    except OperationalError as error:
        if not is_lock_conflict(error):  # a backup reads the table, say
            raise
        logger.info("%s is in use; it is dropped later.", month.name)
        return 0


def _drop_empty(month: Partition) -> int:
    if _is_empty(month):
        execute(connection, f"DROP TABLE {QUOTE(month.name)}")
    return 0


def _drop(month: Partition, read: Cut, old: datetime) -> int:
    """Drop the month that was read, if it still ends where it did; return the number of events, or 0."""
    cut = _cut_at(month, old, proven=read.proven)
    if cut is None or cut.end != read.end:
        return 0
    last = cut.end - 1
    heads.make(last, cut.last.chain, kind=HeadKind.CHECKPOINT)
    AuditEvent.objects.filter(pk__in=[each.pk for each in cut.stragglers]).delete()
    execute(connection, f"DROP TABLE {QUOTE(month.name)}")
    number = cut.end - cut.first
    audit.record(audit.Event.LOG_CUT, actor=None, subject=None, first=cut.first, last=last, rows=number)
    return number
