"""Retention of an audit log that is divided by month: the oldest month is dropped as a whole.

Months are ranges of keys; the chain's order is that of sealing, a moment later. So the checkpoint lies at the
highest number of the month, and the few events of the next month that were sealed before it go one by one.
A head that was signed before the retention period covers that number: so whoever can write to the database
cannot have the job drop younger events by moving them, with other numbers, into the month.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.db.models import Min, Q, QuerySet

from ca_bridge.database import partitions
from ca_bridge.database.lock_conflicts import is_lock_conflict
from ca_bridge.database.partitions import Partition, execute
from identity_manager import audit
from identity_manager.audit import heads, notes
from identity_manager.jobs.month_partitions import LOCK_SECONDS, QUOTE, table_of
from identity_manager.models import AuditEvent, HeadKind

logger = logging.getLogger(__name__)
LONGEST_TRANSACTION = timedelta(hours=1)  # an event may be so much older than the one sealed before it
MOST_STRAGGLERS = 2000  # events of later months that were sealed before the last of this one


@dataclass(frozen=True)
class Contents:
    """Of a month: its sealed events, those that are not sealed yet, and the highest number; 0 for none."""

    sealed: int
    unsealed: int
    last: int


def drop_oldest(old: datetime, *, is_needed: Q) -> int:
    """Drop the oldest month if all its events are from before `old` and none is needed; return how many went.

    Raises audit.keys.NoKey.
    """
    month = _oldest()
    if month is None or month.until is None or month.until > old - LONGEST_TRANSACTION:
        return 0
    try:
        with transaction.atomic():
            execute(connection, f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            return _drop(month, old, is_needed)
    except OperationalError as error:
        if not is_lock_conflict(error):  # a backup reads the table, say
            raise
        logger.info("%s is in use; it is dropped later.", month.name)
        return 0


def goes_by_event(old: datetime) -> bool:
    """Whether old events go one by one: of a table that is not divided, of what was there before it was, and
    of a month that is over and holds something that is needed.
    """
    month = _oldest()
    return month is None or month.since is None or (month.until is not None and month.until <= old)


def _oldest() -> Partition | None:
    months = [each for each in partitions.partitions(connection, table_of(AuditEvent)) if not each.is_default]
    return months[0] if len(months) > 1 else None


def _drop(month: Partition, old: datetime, is_needed: Q) -> int:
    contents = _contents(month)
    if contents.unsealed:
        return 0
    if not contents.sealed:  # its events went one by one
        execute(connection, f"DROP TABLE {QUOTE(month.name)}")
        return 0
    if not heads.was_sealed_before(contents.last, old):
        logger.info("No old head covers the audit log of %s; it is dropped later.", month.name)
        return 0
    gone = AuditEvent.objects.sealed().filter(number__lte=contents.last)
    later = gone.filter(pk__gte=partitions.first_key(month.until)) if month.until else gone.none()
    stragglers = list(later[: MOST_STRAGGLERS + 1])
    first = gone.order_by().aggregate(first=Min("number"))["first"]
    if not _is_whole(first, contents, stragglers) or not _may_go(gone, stragglers, contents.last, old):
        logger.warning("The audit log of %s is not as it was sealed, and stays; verify it.", month.name)
        return 0
    if gone.filter(is_needed).exists():
        return 0
    last = gone.get(number=contents.last)
    heads.make(contents.last, last.chain, kind=HeadKind.CHECKPOINT)
    later.delete()
    execute(connection, f"DROP TABLE {QUOTE(month.name)}")
    number = contents.sealed + len(stragglers)
    audit.record(audit.Event.LOG_CUT, actor=None, subject=None, first=first, last=contents.last, rows=number)
    return number


def _contents(month: Partition) -> Contents:
    sql = f"SELECT count(number), count(*) - count(number), max(number) FROM {QUOTE(month.name)}"  # noqa: S608 our own tables
    sealed, unsealed, last = execute(connection, sql)[0]
    return Contents(sealed, unsealed, last or 0)


def _is_whole(first: int, contents: Contents, stragglers: list[AuditEvent]) -> bool:
    """Whether every number up to the last one is there, in this month or among the stragglers."""
    return (
        len(stragglers) <= MOST_STRAGGLERS and contents.sealed + len(stragglers) == contents.last - first + 1
    )


def _may_go(gone: QuerySet[AuditEvent], stragglers: list[AuditEvent], number: int, old: datetime) -> bool:
    """Whether the last event is as sealed and old, and the next one follows it.

    Neither hashes nor links say which number an event has: the signed head says it, which _drop asks for.
    """
    last, after = gone.get(number=number), AuditEvent.objects.sealed().filter(number=number + 1).first()
    if after is not None and not (notes.is_as_sealed(after) and after.previous == last.chain):
        return False
    edge = old - LONGEST_TRANSACTION
    return all(notes.is_as_sealed(each) and each.at < edge for each in (last, *stragglers))
