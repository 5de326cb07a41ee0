"""Partitioned tables (PostgreSQL), read from its catalogue: monthly ranges of a UUIDv7 primary key.

A UUIDv7 begins with its time of creation in milliseconds (RFC 9562 5.7), so a range of keys is a range of
time, and the primary key contains the partition key, as PostgreSQL demands.
https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

_BOUND = re.compile(r"FROM \((.+?)\) TO \((.+?)\)")
_KIND = "SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)"
_PARTITIONS = """
    SELECT child.relname, pg_get_expr(child.relpartbound, child.oid)
    FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = to_regclass(%s)
"""


@dataclass(frozen=True)
class Partition:
    """One partition. since, until: times of its keys; None: unbounded. The default partition has neither."""

    name: str
    since: datetime | None
    until: datetime | None
    is_default: bool = False


def first_key(moment: datetime) -> uuid.UUID:
    """The smallest UUIDv7 of that moment."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)


def is_partitioned(connection: BaseDatabaseWrapper, table: str) -> bool:
    """Whether the table is partitioned; never on SQLite."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute(_KIND, [connection.ops.quote_name(table)])
        found = cursor.fetchone()
    return found is not None and found[0] == "p"


def partitions(connection: BaseDatabaseWrapper, table: str) -> Sequence[Partition]:
    """The partitions of the table, oldest first, the default one last; empty if it is not partitioned."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS, [connection.ops.quote_name(table)])
        found = [_partition(name, bound) for name, bound in cursor.fetchall()]
    first = datetime.min.replace(tzinfo=UTC)
    return sorted(found, key=lambda each: (each.is_default, each.since or first))


def _partition(name: str, bound: str) -> Partition:
    match = _BOUND.search(bound)
    if match is None:
        return Partition(name, None, None, is_default=True)
    return Partition(name, _moment(match[1]), _moment(match[2]))


def _moment(bound: str) -> datetime | None:
    if bound in {"MINVALUE", "MAXVALUE"}:
        return None
    return datetime.fromtimestamp((uuid.UUID(bound.strip("'")).int >> 80) / 1000, tz=UTC)


def execute(connection: BaseDatabaseWrapper, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """Execute the statement; return its rows, if any. Without parameters, % needs no escape."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return list(cursor.fetchall()) if cursor.description else []
