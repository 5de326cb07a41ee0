"""Job: make the next months of partitioned tables (PostgreSQL), and move there what the default one caught.

Tables are partitioned by `manage.py partition_by_month` alone (month_division.py); elsewhere nothing happens.
An index that PostgreSQL keeps for a whole partitioned table must hold the partition key; so uniqueness of
another column is kept within each partition, and over all of them by something else: the audit log's numbers
by the sealer, the occasions of mails by a table of their own (month_division.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import OperationalError, connection, models, transaction
from django.utils import timezone

from ca_bridge.database import partitions
from ca_bridge.database.partitions import Partition, execute
from identity_manager.models import AuditEvent, OutgoingMail

TABLES: tuple[type[models.Model], ...] = (AuditEvent, OutgoingMail)
AHEAD = 2  # months beside the present one
SOON = timedelta(days=20)
BEYOND = "has rows of later months"
ANALYZE_AFTER = timedelta(days=7)  # autovacuum analyzes partitions, but not the table that they make up
LOCK_SECONDS = 2  # behind whoever waits for the whole table, every page waits
QUOTE = connection.ops.quote_name
# Name, table and definition of the foreign keys to a table; each of its partitions has more in the catalogue.
FOREIGN_KEYS_TO = """
    SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'f' AND conparentid = 0 AND confrelid = to_regclass(%s) ORDER BY conname
"""
FOREIGN_KEYS_OF = FOREIGN_KEYS_TO.replace("confrelid", "conrelid")


class MonthsMissingError(Exception):
    """A month could not be made; rows lie in the default partition meanwhile."""


def table_of(model: type[models.Model]) -> str:
    return model._meta.db_table


def unique_columns(model: type[models.Model]) -> list[str]:
    """Columns that are unique beside the key; PostgreSQL keeps them unique within a partition only."""
    fields = model._meta.local_concrete_fields
    return [each.column for each in fields if each.unique and not each.primary_key and each.column]


def months_from(moment: datetime, number: int) -> list[datetime]:
    """The beginnings of the month of that moment and of those after it, in UTC."""
    first = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found = [first]
    while len(found) < number:
        found.append((found[-1] + timedelta(days=32)).replace(day=1))
    return found


def create_next_partitions() -> str:
    """Job: make what is missing of the present and the next months. Raises MonthsMissingError.

    Returns until when each partitioned table has its months, with BEYOND where there are rows of later ones.
    """
    said = []
    for model in TABLES:
        if not partitions.is_partitioned(connection, table_of(model)):
            continue
        try:
            _make_months(model, timezone.now())
        except OperationalError as error:  # a backup reads the table for long; the next run is in an hour
            if any(month < timezone.now() + SOON for month in missing(model, timezone.now())):
                raise MonthsMissingError(f"{table_of(model)}: {str(error).strip()}") from error
        beyond = f" ({BEYOND})" if caught_by_default(model).later else ""
        said.append(f"{table_of(model)} {last_day(model):%Y-%m-%d}{beyond}")
    return ", ".join(said)


def missing(model: type[models.Model], now: datetime) -> list[datetime]:
    """The beginnings of months that no partition holds: since the last one, up to AHEAD next ones."""
    there = partitions.partitions(connection, table_of(model))
    last = max((each.until for each in there if each.until), default=now)
    end = months_from(now, 1 + AHEAD)[-1]
    found = months_from(min(last, now), 1)
    while found[-1] < end:
        found.append(months_from(found[-1], 2)[1])
    return [month for month in found if not any(_holds(each, month) for each in there)]


@dataclass(frozen=True)
class Caught:
    """Whether the default partition holds rows: of before the first month, of months that are not there."""

    earlier: bool = False
    later: bool = False


def caught_by_default(model: type[models.Model]) -> Caught:
    """Rows in the default partition, whose month was not there: a wrong clock, or no month could be made."""
    there = partitions.partitions(connection, table_of(model))
    default, first = there[-1], there[0]
    if not default.is_default:
        return Caught()
    rows = f"SELECT EXISTS (SELECT FROM {QUOTE(default.name)} WHERE id"  # noqa: S608 our own tables
    if first.since is None:  # it holds whatever is earlier
        return Caught(later=execute(connection, f"{rows} IS NOT NULL)")[0][0])
    edge = [partitions.first_key(first.since)]
    earlier, later = (execute(connection, f"{rows} {sign} %s)", edge)[0][0] for sign in ("<", ">="))
    return Caught(earlier, later)


def last_day(model: type[models.Model]) -> datetime:
    """Until when there are months."""
    there = partitions.partitions(connection, table_of(model))
    return max(each.until for each in there if each.until)


def add_default(model: type[models.Model]) -> None:
    """The partition of what no month holds."""
    _attach(model, f"{table_of(model)}_default", "DEFAULT")


def add_month(model: type[models.Model], month: datetime) -> None:
    """A partition for the month, in the caller's transaction; what the default one holds of it moves."""
    table, until = table_of(model), months_from(month, 2)[1]
    first, end = partitions.first_key(month), partitions.first_key(until)
    _attach(
        model, f"{table}_y{month:%Ym%m}", f"FOR VALUES FROM ('{first}') TO ('{end}')", within=(first, end)
    )


def _make_months(model: type[models.Model], now: datetime) -> None:
    made = False
    for month in missing(model, now):
        with transaction.atomic():
            execute(connection, f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            add_month(model, month)
        made = True
    if made or _is_analysis_old(table_of(model)):
        execute(connection, f"ANALYZE {QUOTE(table_of(model))}")


def _holds(part: Partition, month: datetime) -> bool:
    return bool(part.until and month < part.until and (part.since is None or part.since <= month))


def _attach(model: type[models.Model], name: str, bounds: str, *, within: tuple[object, ...] = ()) -> None:
    """A new partition with the columns, rules and indexes of the table.

    It is made first and attached then: that needs no exclusive lock of the table, PARTITION OF does.
    """
    table, new = QUOTE(table_of(model)), QUOTE(name)
    execute(connection, f"CREATE TABLE {new} (LIKE {table} INCLUDING ALL)")
    for column in unique_columns(model):
        execute(connection, f"CREATE UNIQUE INDEX ON {new} ({QUOTE(column)})")
    attach = f"ALTER TABLE {table} ATTACH PARTITION {new} {bounds}"
    default = QUOTE(f"{table_of(model)}_default")
    rows = f"FROM {default} WHERE id >= %s AND id < %s"
    if not within or not execute(connection, f"SELECT EXISTS (SELECT {rows})", within)[0][0]:
        execute(connection, attach)
        return
    # Else a row that comes in meanwhile would make attaching fail, or be refused by the default partition.
    execute(connection, f"LOCK TABLE ONLY {table}, {default} IN ACCESS EXCLUSIVE MODE")
    with _without_foreign_keys_to(table):
        execute(connection, f"INSERT INTO {new} SELECT * {rows}", within)
        execute(connection, f"DELETE {rows}", within)
        execute(connection, attach)


@contextmanager
def _without_foreign_keys_to(table: str) -> Iterator[None]:
    """Drop them, and make them anew: PostgreSQL lets no row that is referenced leave its partition."""
    there = execute(connection, FOREIGN_KEYS_TO, [table])
    for name, other, _definition in there:
        execute(connection, f"ALTER TABLE {other} DROP CONSTRAINT {QUOTE(name)}")
    yield
    for name, other, definition in there:
        execute(connection, f"ALTER TABLE {other} ADD CONSTRAINT {QUOTE(name)} {definition}")


def _is_analysis_old(table: str) -> bool:
    sql = "SELECT greatest(last_analyze, last_autoanalyze) FROM pg_stat_user_tables WHERE relname = %s"
    found = execute(connection, sql, [table])
    return not found or found[0][0] is None or found[0][0] < timezone.now() - ANALYZE_AFTER
