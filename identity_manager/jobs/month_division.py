"""Online partitioning by month (ATTACH PARTITION): a table in use becomes the first one, without a copy.

1. A rule says that its keys lie before the month after next (CHECK, NOT VALID), and is validated: PostgreSQL
   reads the table meanwhile, and nobody waits.
2. Mails: their occasions are written to a table of their own, by a trigger and, what is there, in portions.
3. In one short transaction the table is renamed, a partitioned one takes its name, columns, indexes, foreign
   keys and rights, the old one is attached (PostgreSQL need not read it: the rule is proven), and the months
   ahead are made. Foreign keys to it lead to the partitioned one then, and are validated afterwards.

Each step looks first whether it was done, so what broke off goes on where it stood. Whatever ends the work
before step 3 takes the rule back: it would refuse the keys of later months.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, OperationalError, connection, models, transaction
from django.utils import timezone

from ca_bridge.database import partitions
from ca_bridge.database.lock_conflicts import is_lock_conflict
from ca_bridge.database.partitions import execute
from identity_manager.jobs import month_partitions
from identity_manager.jobs.month_partitions import (
    FOREIGN_KEYS_OF,
    FOREIGN_KEYS_TO,
    QUOTE,
    add_default,
    add_month,
    months_from,
    table_of,
)
from identity_manager.models import OutgoingMail

RULE = "first_months"
# Of each lock. The exchange takes up to six, in less than PostgreSQL's deadlock_timeout of a second: so
# nobody who waits behind it and holds a lock that it wants is ended as the victim of a deadlock.
LOCK_MILLISECONDS = 150
TRIES, PAUSE_SECONDS = 60, 2.0  # pages go on between them
AT_ONCE = 10_000
OCCASIONS = "identity_manager_outgoingmail_occasion"
# Unique over all months, which no index of a partitioned table can be.
_OCCASIONS = f"""
    CREATE TABLE IF NOT EXISTS {OCCASIONS} (occasion varchar(200) PRIMARY KEY);
    CREATE OR REPLACE FUNCTION {OCCASIONS}_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'TRUNCATE' THEN
            TRUNCATE {OCCASIONS};
        ELSE
            INSERT INTO {OCCASIONS} VALUES (NEW.occasion);
        END IF;
        RETURN NULL;
    END $$;
"""  # noqa: S608 our own tables
_TRIGGERS = {
    f"{OCCASIONS}_row": "AFTER INSERT ON {table} FOR EACH ROW",
    f"{OCCASIONS}_all": "AFTER TRUNCATE ON {table} FOR EACH STATEMENT",
}
_INDEXES = """
    SELECT relname, indisprimary, indisunique, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = to_regclass(%s) ORDER BY relname
"""
_RIGHTS = """
    SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
    FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass(%s) AND grantee <> relowner
"""
# Foreign keys lead from the table to them, or from them to it: attaching locks them, too.
_NEIGHBOURS = """
    SELECT confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND conparentid = 0 AND conrelid = to_regclass(%s)
    UNION SELECT conrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND conparentid = 0 AND confrelid = to_regclass(%s)
"""
_OWNER = "SELECT pg_get_userbyid(relowner), current_user FROM pg_class WHERE oid = to_regclass(%s)"
_TRIGGERS_THERE = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = to_regclass(%s)"
_RULE_THERE = """
    SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = to_regclass(%s) AND conname = %s
"""
_LOCK = "hashtext('identity_manager.month_division')"


class DivisionError(Exception):
    """The table cannot be divided; the text says why."""


def divide(model: type[models.Model], *, say: Callable[[str], object]) -> bool:
    """Divide the model's table; False where that was done. Raises DivisionError, DatabaseError."""
    if connection.vendor != "postgresql":
        raise DivisionError("SQLite has no partitions: this needs PostgreSQL.")
    table = table_of(model)
    if partitions.is_partitioned(connection, table):
        _validate_foreign_keys(table)
        return False
    _must_be_owner(table)
    bound = months_from(timezone.now(), 3)[2]
    with _alone(), _rule_taken_back(table):
        say(f"{table}: reads that every key lies before {bound:%Y-%m-%d}")
        _prove_bound(table, bound)
        if model is OutgoingMail:
            say(f"{table}: notes the occasions of the mails")
            _note_occasions(table)
        say(f"{table}: exchanges the table")
        _with_lock(lambda: _exchange(model, bound))
    say(f"{table}: validates the foreign keys that lead to it")
    _validate_foreign_keys(table)
    execute(connection, f"ANALYZE {QUOTE(table)}")
    return True


def _must_be_owner(table: str) -> None:
    """The partitioned table will be the caller's: processes that use another role could not read it."""
    owner, caller = execute(connection, _OWNER, [QUOTE(table)])[0]
    if owner != caller:
        raise DivisionError(f"{table} belongs to {owner}; this is {caller}.")


@contextmanager
def _rule_taken_back(table: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(DatabaseError):  # else the job does it
            _take_rule_back(table)
        raise


def continue_division() -> str:
    """Job: tidy, then make the months ahead; returns until when there are some. Raises MonthsMissingError."""
    tidy()
    return month_partitions.create_next_partitions()


def tidy() -> None:
    """Take back the rules of divisions that were killed."""
    if connection.vendor != "postgresql":
        return
    with transaction.atomic():
        if execute(connection, f"SELECT pg_try_advisory_xact_lock({_LOCK})")[0][0]:
            for model in month_partitions.TABLES:
                _take_rule_back(table_of(model))


def _take_rule_back(table: str) -> None:
    if not partitions.is_partitioned(connection, table) and _rule(table):
        _with_lock(
            lambda: execute(connection, f"ALTER TABLE {QUOTE(table)} DROP CONSTRAINT IF EXISTS {RULE}")
        )


def _rule(table: str) -> list[Any]:
    return execute(connection, _RULE_THERE, [QUOTE(table), RULE])


@contextmanager
def _alone() -> Iterator[None]:
    """One divides at a time. The lock is the session's: it goes with a process that is killed."""
    if not execute(connection, f"SELECT pg_try_advisory_lock({_LOCK})")[0][0]:
        raise DivisionError("Another process divides a table just now.")
    try:
        yield
    finally:
        with suppress(DatabaseError):
            execute(connection, f"SELECT pg_advisory_unlock({_LOCK})")


def _with_lock(act: Callable[[], Any]) -> None:
    """In one transaction that waits LOCK_MILLISECONDS for a lock of a table, again and again."""
    for tried in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                execute(connection, f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
                act()
            return
        except OperationalError as error:
            if tried == TRIES or not is_lock_conflict(error):
                raise
            time.sleep(PAUSE_SECONDS)


def _prove_bound(table: str, bound: datetime) -> None:
    key = partitions.first_key(bound)
    there = _rule(table)
    if there and str(key) not in there[0][0]:
        _take_rule_back(table)
        there = []
    if not there:
        rule = f"ALTER TABLE {QUOTE(table)} ADD CONSTRAINT {RULE} CHECK (id < '{key}') NOT VALID"
        _with_lock(lambda: execute(connection, rule))
    beyond = f"SELECT count(*) FROM {QUOTE(table)} WHERE id >= '{key}'"  # noqa: S608 our own tables
    if number := execute(connection, beyond)[0][0]:
        raise DivisionError(
            f"{number} keys of {table} are of a time after {bound:%Y-%m-%d}: a clock was ahead."
        )
    execute(connection, f"ALTER TABLE {QUOTE(table)} VALIDATE CONSTRAINT {RULE}")


# --- Occasions of mails ----------------------------------------------------------------------------
def _note_occasions(table: str) -> None:
    def begin() -> None:
        execute(connection, _OCCASIONS)
        for right, whose in execute(connection, _RIGHTS, [QUOTE(table)]):
            if right in {"INSERT", "TRUNCATE"}:  # the triggers have the rights of whoever writes a mail
                execute(connection, f"GRANT {right} ON {OCCASIONS} TO {whose}")
        if not execute(connection, _TRIGGERS_THERE, [QUOTE(table)]):
            _make_triggers(table)

    _with_lock(begin)
    last = "00000000-0000-0000-0000-000000000000"
    portion = f"SELECT id, occasion FROM {QUOTE(table)} WHERE id > %s ORDER BY id LIMIT {AT_ONCE}"  # noqa: S608 our own tables
    noted = f"INSERT INTO {OCCASIONS} SELECT occasion FROM portion ON CONFLICT DO NOTHING"  # noqa: S608 our own tables
    parts = f"WITH portion AS MATERIALIZED ({portion}), noted AS ({noted})"
    while last:
        last = execute(connection, f"{parts} SELECT max(id::text) FROM portion", [last])[0][0]  # noqa: S608 our own tables


def _make_triggers(table: str) -> None:
    for name, when in _TRIGGERS.items():
        there = when.format(table=QUOTE(table))
        execute(connection, f"CREATE TRIGGER {name} {there} EXECUTE FUNCTION {OCCASIONS}_kept()")


# --- The exchange ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Undivided:
    """Catalogue entries of the table (indexes, keys, rights, triggers), read before it has another name."""

    indexes: list[Any]
    foreign_keys: list[Any]
    foreign_keys_to_it: list[Any]
    rights: list[Any]
    triggers: list[str]


def _exchange(model: type[models.Model], bound: datetime) -> None:
    """In the caller's transaction."""
    table, first = QUOTE(table_of(model)), QUOTE(f"{table_of(model)}_first")
    execute(connection, "SET CONSTRAINTS ALL IMMEDIATE")
    neighbours = [name for (name,) in execute(connection, _NEIGHBOURS, [table, table])]
    execute(connection, f"LOCK TABLE {', '.join([*neighbours, table])} IN ACCESS EXCLUSIVE MODE")
    was = _read_catalogue(table_of(model))
    _rename(table, first, was)
    _make_whole(table, first, was)
    until = f"FOR VALUES FROM (MINVALUE) TO ('{partitions.first_key(bound)}')"
    execute(connection, f"ALTER TABLE {table} ATTACH PARTITION {first} {until}")
    execute(connection, f"ALTER TABLE {first} DROP CONSTRAINT {RULE}")
    if was.triggers:
        _make_triggers(table_of(model))
    add_default(model)
    for month in month_partitions.missing(model, timezone.now()):
        add_month(model, month)
    for name, other, definition in was.foreign_keys_to_it:
        execute(connection, f"ALTER TABLE {other} DROP CONSTRAINT {QUOTE(name)}")
        execute(connection, f"ALTER TABLE {other} ADD CONSTRAINT {QUOTE(name)} {definition} NOT VALID")


def _read_catalogue(table: str) -> _Undivided:
    name = QUOTE(table)
    triggers = [each for (each,) in execute(connection, _TRIGGERS_THERE, [name])]
    if strange := set(triggers) - set(_TRIGGERS):
        raise DivisionError(f"{table} has triggers that are not ours: {', '.join(sorted(strange))}.")
    return _Undivided(
        execute(connection, _INDEXES, [name]),
        execute(connection, FOREIGN_KEYS_OF, [name]),
        execute(connection, FOREIGN_KEYS_TO, [name]),
        execute(connection, _RIGHTS, [name]),
        triggers,
    )


def _rename(table: str, first: str, was: _Undivided) -> None:
    for name in was.triggers:
        execute(connection, f"DROP TRIGGER {name} ON {table}")
    execute(connection, f"ALTER TABLE {table} RENAME TO {first}")
    for name, *_rest in was.indexes:
        execute(connection, f"ALTER INDEX {QUOTE(name)} RENAME TO {QUOTE(f'{name[:56]}_first')}")


def _make_whole(table: str, first: str, was: _Undivided) -> None:
    """The partitioned table, empty, with all but the indexes that are unique beside the key."""
    like = f"LIKE {first} INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS"
    execute(connection, f"CREATE TABLE {table} ({like}) PARTITION BY RANGE (id)")
    execute(connection, f"ALTER TABLE {table} DROP CONSTRAINT {RULE}")
    for name, is_primary, is_unique, definition in was.indexes:
        if is_primary:
            execute(connection, f"ALTER TABLE {table} ADD CONSTRAINT {QUOTE(name)} PRIMARY KEY (id)")
        elif not is_unique:
            execute(connection, definition)
    for name, _table, definition in was.foreign_keys:
        execute(connection, f"ALTER TABLE {table} ADD CONSTRAINT {QUOTE(name)} {definition}")
    for right, whose in was.rights:
        execute(connection, f"GRANT {right} ON {table} TO {whose}")


def _validate_foreign_keys(table: str) -> None:
    """PostgreSQL reads the other tables meanwhile, and nobody waits."""
    for name, other, definition in execute(connection, FOREIGN_KEYS_TO, [QUOTE(table)]):
        if definition.endswith("NOT VALID"):
            execute(connection, f"ALTER TABLE {other} VALIDATE CONSTRAINT {QUOTE(name)}")
