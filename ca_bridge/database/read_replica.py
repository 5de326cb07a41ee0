"""Read replica: a PostgreSQL standby that pages may read, and its lag as this process measures it.

A page reads the replica only while it is known to hold everything that the primary had committed MAX_LAG
seconds ago. Each process measures that by write-ahead log positions alone: it records the primary's position
(pg_current_wal_lsn) and the time, and later asks the replica whether it has replayed it
(pg_last_wal_replay_lsn). No other machine's clock is involved, and a disconnected replica falls behind as
soon as the primary writes anything, which the sweep does every few seconds.

Positions can be compared on one timeline alone. After a failover the new primary has a timeline of its
own, and a standby that still follows the old one may have replayed more, and other things. So both must be on
the same: a standby that follows over to the new one says so with its next restart point at the latest
(checkpoint_timeout), and at once where the role may read pg_stat_wal_receiver (pg_read_all_stats).
https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-RECOVERY-CONTROL
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)
ALIAS = "replica"
EVERY = 1.0  # seconds between two measurements of a process
MAX_LAG = 5.0  # seconds; a replica with more lag is not read
RETRY = 10.0  # seconds until a replica that did not answer is asked again
# A cluster's system identifier is equal on its primary and replicas, and on no other server.
_CLUSTER = "(SELECT system_identifier FROM pg_control_system())"
# The name of a segment of the write-ahead log begins with the timeline; a standby names none.
_PRIMARY = f"SELECT {_CLUSTER}, pg_current_wal_lsn()::text, pg_walfile_name(pg_current_wal_lsn())"
_REPLICA = f"""
    SELECT {_CLUSTER}, pg_is_in_recovery(), pg_last_wal_replay_lsn()::text, greatest(
        (SELECT timeline_id FROM pg_control_checkpoint()),
        (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
        (SELECT received_tli FROM pg_stat_wal_receiver)
    )
"""  # noqa: S608 no values
_reads_from: ContextVar[str] = ContextVar("reads_from", default=DEFAULT_DB_ALIAS)


class ReplicaFault(StrEnum):
    """Fault because of which the replica is not read."""

    NONE = ""
    SILENT = "silent"  # it does not answer
    BEHIND = "behind"  # by more than MAX_LAG
    NO_REPLICA = "no-replica"  # it is no standby (any more), or one of another cluster
    OTHER_TIMELINE = "other-timeline"  # it follows a server that is not the primary any more


def is_configured() -> bool:
    """Whether the installation has a read replica."""
    return ALIAS in connections.databases


def alias() -> str:
    """The database that this page reads."""
    return _reads_from.get()


def connection() -> BaseDatabaseWrapper:
    """The connection that this page reads by, for raw SQL."""
    return connections[alias()]


@contextmanager
def reading() -> Iterator[None]:
    """Context in which this thread reads from the replica."""
    token = _reads_from.set(ALIAS)
    try:
        yield
    finally:
        _reads_from.reset(token)


@dataclass(frozen=True)
class Noted:
    """A position of the primary's write-ahead log, in bytes, and when it was read (monotonic seconds)."""

    position: int
    at: float
    timeline: int


@dataclass(frozen=True)
class Standby:
    """State that the replica reports of itself."""

    cluster: str
    is_standby: bool
    reached: int
    timeline: int


class Watch:
    """Monitor of the replica's lag in this process. Thread-safe: one thread at a time measures."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: Noted | None = None  # a position that the replica has not replayed yet
        self._cluster = ""  # the primary's
        self._current_at: float | None = None  # it holds all that was committed by then
        self._next_look = 0.0
        self._fault = ReplicaFault.NONE

    def trouble(self) -> ReplicaFault:
        """Fault because of which the replica must not be read now; NONE where it may be."""
        now = time.monotonic()
        if now >= self._next_look and self._lock.acquire(blocking=False):
            try:
                self._look(now)
            finally:
                self._lock.release()
        if self._fault:
            return self._fault
        behind = self._current_at is None or time.monotonic() - self._current_at > MAX_LAG
        return ReplicaFault.BEHIND if behind else ReplicaFault.NONE

    def failed(self, error: Exception) -> None:
        """A read of the replica failed: pages read the primary until the replica answers again."""
        if not self._fault:
            logger.warning("The read replica does not answer: pages read the primary. %s", error)
        self._next_look, self._fault = time.monotonic() + RETRY, ReplicaFault.SILENT
        self._noted = self._current_at = None
        if ALIAS in connections.databases:
            connections[ALIAS].close()  # this thread's connection may be broken

    def _look(self, now: float) -> None:
        self._next_look = now + EVERY
        noted = self._noted
        try:
            if noted is None:
                self._cluster, noted = _primary_now()
            its = _replica_now()
        except (DatabaseError, InterfaceError) as error:
            self.failed(error)
            return
        if wrong := _wrong(its, self._cluster, noted):
            if self._fault != wrong:
                logger.warning("The read replica is not read (%s): pages read the primary.", wrong)
            self._fault, self._noted, self._current_at = wrong, None, None
            return
        self._fault, self._noted = ReplicaFault.NONE, noted
        if its.reached >= noted.position:
            self._current_at, self._noted = noted.at, None


def _wrong(its: Standby, cluster: str, noted: Noted) -> ReplicaFault:
    if not its.is_standby or its.cluster != cluster:
        return ReplicaFault.NO_REPLICA
    return ReplicaFault.NONE if its.timeline == noted.timeline else ReplicaFault.OTHER_TIMELINE


def _primary_now() -> tuple[str, Noted]:
    at = time.monotonic()
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_PRIMARY)
        cluster, position, segment = cursor.fetchone()
    return str(cluster), Noted(_bytes_of(position), at, timeline=int(segment[:8], 16))


def _replica_now() -> Standby:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_REPLICA)
        cluster, is_standby, position, timeline = cursor.fetchone()
    return Standby(str(cluster), bool(is_standby), _bytes_of(position or "0/0"), timeline)


def _bytes_of(position: str) -> int:
    """A pg_lsn, such as 16/B374D848, in bytes."""
    high, _slash, low = position.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


watch = Watch()
