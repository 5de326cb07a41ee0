"""SQLite has one writer: how long another one waits for it, and that nobody waits for ever."""

import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from django.db import OperationalError, transaction

from identity_manager.config.database import url as database_url
from identity_manager.config.database.sqlite import busy_wait
from identity_manager.config.database.sqlite.base import DatabaseWrapper

pytestmark = [pytest.mark.django_db, pytest.mark.long]
HELD_SECONDS = 0.145  # SQLite itself looks after 1, 3, 8, 18, 33, 53, 78, 103, 128 and 178 ms, or a bit later
ROUNDS = 5
PATIENCE_SECONDS = 0.3
Connect = Callable[..., Any]
FRESH = multiprocessing.get_context("spawn")


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    """Connections to a database with one table, as the settings describe it."""
    opened: list[Any] = []

    def connected(**options: Any) -> Any:
        described = database_url.description("THING", f"sqlite://{tmp_path}/db")
        described["OPTIONS"] |= options
        defaults = {"TIME_ZONE": None, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "AUTOCOMMIT": True}
        opened.append(DatabaseWrapper({**defaults, **described}, alias="default"))
        opened[-1].inc_thread_sharing()
        return opened[-1]

    with connected().cursor() as cursor:
        cursor.execute("CREATE TABLE thing (number INTEGER)")
    yield connected
    for each in opened:
        each.close()


def other(connection: Any) -> sqlite3.Connection:
    """Another process's connection, as far as SQLite can tell."""
    return sqlite3.connect(
        connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False, timeout=20
    )


def written(connection: Any) -> None:
    """In a transaction of its own."""
    run(connection, "BEGIN IMMEDIATE", "INSERT INTO thing VALUES (1)", "COMMIT")


def inserted(connection: Any) -> None:
    """Outside any transaction of ours."""
    run(connection, "INSERT INTO thing VALUES (1)")


def run(connection: Any, *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def too_late(connection: Any, write: Callable[[Any], None]) -> float:
    """How many seconds after the end of another's transaction a write was done that waited for it."""
    with closing(other(connection)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        ended = []

        def end() -> None:
            time.sleep(HELD_SECONDS)
            ended.append(time.perf_counter())
            holder.execute("COMMIT")

        thread = threading.Thread(target=end)
        thread.start()
        write(connection)
        done = time.perf_counter()
        thread.join()
    return done - ended[0]


@pytest.mark.parametrize("write", [written, inserted], ids=["a transaction", "a statement alone"])
def test_a_writer_comes_as_soon_as_the_other_is_done(connect: Connect, write: Callable[[Any], None]) -> None:
    """Compared with Django's own, in turns."""
    ours, djangos_own = connect(), connect(factory=sqlite3.Connection)
    lost = [(too_late(ours, write), too_late(djangos_own, write)) for _round in range(ROUNDS)]

    mine, theirs = (median(column) for column in zip(*lost, strict=True))
    assert mine < theirs / 2, lost


@pytest.mark.parametrize("write", [written, inserted], ids=["a transaction", "a statement alone"])
def test_nobody_waits_for_ever(connect: Connect, write: Callable[[Any], None]) -> None:
    connection = connect(timeout=PATIENCE_SECONDS)
    with closing(other(connection)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        began = time.monotonic()

        with pytest.raises(OperationalError, match="database is locked"):
            write(connection)

        assert time.monotonic() - began >= PATIENCE_SECONDS
        holder.execute("ROLLBACK")
    write(connection)
    assert rows(connection) == 1


def test_a_wait_is_as_long_as_the_settings_say(connect: Connect) -> None:
    assert database_url.description("THING", "sqlite:///db")["OPTIONS"]["timeout"] == 30
    connection = connect()
    written(connection)
    inserted(connection)
    assert asked(connection, "PRAGMA busy_timeout") == 30_000


def test_what_is_wrong_is_said_at_once(connect: Connect) -> None:
    connection = connect()
    with pytest.raises(OperationalError, match="no such table"):
        run(connection, "INSERT INTO missing VALUES (1)")
    assert asked(connection, "PRAGMA busy_timeout") == 30_000


def test_what_no_wait_mends_is_said_at_once(connect: Connect) -> None:
    """Who has read what another has changed since can write nothing before the reading ends."""
    connection = connect(timeout=5)
    for _number in range(3):
        inserted(connection)
    with closing(other(connection)) as writer, connection.cursor() as reader:
        reader.execute("SELECT number FROM thing")
        reader.fetchone()
        writer.execute("INSERT INTO thing VALUES (2)")
        began = time.monotonic()

        with pytest.raises(OperationalError, match="database is locked"):
            written(connection)

        assert time.monotonic() - began < 2
    written(connection)
    assert rows(connection) == 5


def test_who_reads_waits_for_nobody(connect: Connect) -> None:
    connection = connect(timeout=0)
    with closing(other(connection)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert rows(connection) == 0


def test_what_was_turned_away_is_written_once(connect: Connect) -> None:
    connections = [connect() for _number in range(4)]

    def write(connection: Any) -> None:
        for _number in range(25):
            written(connection)
            inserted(connection)

    threads = [threading.Thread(target=write, args=[each]) for each in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(connections[0]) == 4 * 50


def test_a_writer_that_is_killed_keeps_nobody_waiting(connect: Connect) -> None:
    connection = connect(timeout=20)
    has_it = FRESH.Event()
    process = FRESH.Process(target=hold, args=[connection.settings_dict["NAME"], has_it], daemon=True)
    process.start()
    assert has_it.wait(20)
    assert process.pid is not None

    threading.Timer(0.1, os.kill, [process.pid, signal.SIGKILL]).start()
    written(connection)

    assert rows(connection) == 1
    process.join()


def hold(path: str, has_it: Any) -> None:
    """Write, and never end the transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO thing VALUES (2)")
    has_it.set()
    time.sleep(60)


def test_the_product_has_it() -> None:
    from django.db import connection

    if connection.vendor != "sqlite":
        pytest.skip("of SQLite")
    with transaction.atomic(), connection.cursor() as cursor:
        assert isinstance(cursor.cursor, busy_wait.Cursor)


def rows(connection: Any) -> Any:
    return asked(connection, "SELECT count(*) FROM thing")


def asked(connection: Any, question: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]
