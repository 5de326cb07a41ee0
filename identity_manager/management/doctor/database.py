"""Database checks: it answers, takes changes, and has the tables of this version."""

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from django.core.cache import cache
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model
from django.utils import timezone

from ca_bridge.database import partitions, read_replica
from ca_bridge.database.read_replica import ReplicaFault
from identity_manager.jobs import month_partitions
from identity_manager.management.doctor.check_result import CheckResult, failed, ok, warning
from identity_manager.metrics import clocks
from identity_manager.models import JobRun, Person

FOLLOW = "Let both follow a time server (chrony, systemd-timesyncd)."
NAMED = 5
APART_SECONDS = 5.0  # tolerated clock skew; sign-in codes and sessions tolerate more, audit log and CA do not


def reachable() -> Iterator[CheckResult]:
    """Connection and write permission, tested by an UPDATE that matches no row."""
    with transaction.atomic():
        JobRun.objects.filter(name="").update(result="")
    yield ok(f"{_version()} answers and takes changes.")


def _version() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sqlite_version()")
            return f"SQLite {cursor.fetchone()[0]}"
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"


def migrations() -> Iterator[CheckResult]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    unknown = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    unknown -= {node for node in unknown if node[0] not in executor.loader.migrated_apps}
    if missing:
        yield failed(f"{len(missing)} migrations are missing.", "manage.py migrate")
    elif unknown:
        name = ".".join(min(unknown))
        yield warning(
            f"The database is of a newer version: it has {len(unknown)} migrations that this one does not "
            f"know ({name}). The version before runs on it, an older one does not.",
            "Start the version that belongs to this database, when the way back is no longer needed.",
        )
    else:
        yield ok("Every migration is applied.")


def principal_names() -> Iterator[CheckResult]:
    """Duplicate UPNs, as Active Directory compares them; older rows may have some."""
    rows = Person.objects.without_upn_key().order_by("personnel_number")
    some = list(rows.values_list("personnel_number", flat=True)[: NAMED + 1])
    if some:
        named = ", ".join(some[:NAMED]) + (" and others" if len(some) > NAMED else "")
        yield warning(
            f"Active Directory takes the UPN of these persons for that of another: {named} "
            "(personnel numbers).",
            "Have an officer correct one UPN of each two: case and accents do not tell them apart.",
        )
    else:
        yield ok("No two persons have the same user principal name, as Active Directory compares them.")


def shared_cache() -> Iterator[CheckResult]:
    """The shared cache, which holds rate limits and lockouts."""
    mark = secrets.token_hex(8)
    cache.set("doctor", mark, timeout=60)
    if cache.get("doctor") == mark:
        yield ok("The shared cache keeps what is put there.")
    else:
        yield failed("The shared cache forgets: nobody is locked out.", "manage.py createcachetable")


def replica() -> Iterator[CheckResult]:
    """The read replica and its lag; a short lag is normal."""
    if not read_replica.is_configured():
        yield ok("No read replica is set (DATABASE_REPLICA_URL).")
        return
    watch, until = read_replica.Watch(), time.monotonic() + read_replica.MAX_LAG
    while (trouble := watch.trouble()) == ReplicaFault.BEHIND and time.monotonic() < until:
        time.sleep(read_replica.EVERY / 4)
    meanwhile = "Lists, searches and reports read the primary."
    if not trouble:
        yield ok("The read replica answers, and holds what the primary has committed.")
    elif trouble == ReplicaFault.BEHIND:
        yield warning(
            f"The read replica is more than {read_replica.MAX_LAG:.0f} seconds behind. {meanwhile}",
            "See pg_stat_replication on the primary, and what delays the replay on the replica.",
        )
    elif trouble == ReplicaFault.NO_REPLICA:
        yield failed(
            f"DATABASE_REPLICA_URL names no standby of the database of DATABASE_URL. {meanwhile}",
            "Name a standby of that cluster; after a failover, the one that follows the new primary.",
        )
    elif trouble == ReplicaFault.OTHER_TIMELINE:
        yield failed(
            f"The read replica is on another timeline than the primary: one was promoted. {meanwhile}",
            "Have it follow the new primary (pg_rewind, or a new base backup). If it does already, wait for "
            "its next restart point (checkpoint_timeout).",
        )
    else:
        yield failed(f"The read replica does not answer. {meanwhile}", "See DATABASE_REPLICA_URL.")


def months() -> Iterator[CheckResult]:
    """Missing future partitions of tables that are partitioned by month."""
    divided = [
        model
        for model in month_partitions.TABLES
        if partitions.is_partitioned(connection, month_partitions.table_of(model))
    ]
    if not divided:
        yield ok("No table is divided by month.")
    for model in divided:
        yield _months_of(model)


def _months_of(model: type[Model]) -> CheckResult:
    table, remedy = (
        month_partitions.table_of(model),
        "manage.py partition_by_month --status; see the job's error.",
    )
    if missing := month_partitions.missing(model, timezone.now()):
        named = ", ".join(f"{month:%Y-%m}" for month in missing)
        return warning(f"{table} has no partition for {named}.", remedy)
    caught = month_partitions.caught_by_default(model)
    if caught.later:
        return warning(
            f"Rows of {table} lie in its default partition: a clock was months ahead, or one was missing.",
            "They are found as all others are. See the clocks; a month that is made takes its rows along.",
        )
    if caught.earlier:
        return warning(
            f"Rows of {table} lie in its default partition, of before its first month: a clock was behind.",
            "They are found as all others are, and retention reaches them. See the clocks.",
        )
    return ok(f"{table} has its months until {month_partitions.last_day(model):%Y-%m-%d}.")


def clock() -> Iterator[CheckResult]:
    """Clock skew to the database server, if that is another machine."""
    time, ahead = clocks.read()
    if ahead is None:
        yield ok("The database is on this machine and has its clock.")
    else:
        yield from compared("the database server", time)


def compared(whose: str, time: datetime) -> Iterator[CheckResult]:
    """Compare this machine's clock with another one."""
    apart = abs((datetime.now(UTC) - time).total_seconds())
    if apart > APART_SECONDS:
        yield warning(
            f"The clocks here and of {whose} are {apart:.0f} seconds apart.",
            FOLLOW,
        )
    else:
        yield ok(f"The clock agrees with that of {whose}.")
