"""Connections to SQLite that serve one page or task after the other, and the log that they leave behind."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from identity_manager.config import celery
from identity_manager.config.database import url as database_url
from identity_manager.config.database.sqlite import base, connection_pool
from identity_manager.config.database.sqlite.connection_pool import IDLE, KEPT_SECONDS, IdleConnections
from identity_manager.config.runtime import gunicorn
from identity_manager.metrics import aggregation
from identity_manager.models import ProcessKind

pytestmark = pytest.mark.django_db
QUIET_SECONDS = 0.2  # a second in the product


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdleConnections]:
    """As in a web process or a worker."""
    connections = IdleConnections()
    monkeypatch.setattr(base, "IDLE", connections)
    monkeypatch.setattr(connection_pool, "QUIET_SECONDS", QUIET_SECONDS)
    connections.keep()
    yield connections
    connections.stop()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "db.sqlite3"


def opened(file: Path) -> BaseDatabaseWrapper:
    """Django's connection of a thread, open."""
    wrapper = ConnectionHandler({"default": database_url.description("THING", f"sqlite://{file}")})["default"]
    wrapper.ensure_connection()
    return wrapper


def test_the_next_page_takes_up_the_connection_of_the_last(idle: IdleConnections, file: Path) -> None:
    first, second = opened(file), opened(file)
    raw = first.connection
    assert second.connection is not raw
    first.close()
    assert first.connection is None
    assert opened(file).connection is raw


def test_nothing_is_kept_where_nobody_asked_for_it(file: Path) -> None:
    """Commands close what they open."""
    wrapper = opened(file)
    raw = wrapper.connection
    wrapper.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        raw.execute("SELECT 1")


def test_a_web_process_keeps_them_and_closes_them_whatever_else_fails(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise RuntimeError("the database is away")

    counted: list[str] = []
    monkeypatch.setattr(aggregation, "start", counted.append)
    monkeypatch.setattr(aggregation, "stop", away)
    try:
        gunicorn.post_worker_init(None)
        assert counted == [ProcessKind.WEB]
        assert is_kept(file)
        with pytest.raises(RuntimeError, match="away"):
            gunicorn.worker_exit(None, None)
        assert not is_kept(file)
    finally:
        IDLE.stop()


def test_a_worker_keeps_them_until_it_ends(file: Path) -> None:
    try:
        celery.keep_sqlite_connections()
        assert is_kept(file)
        celery.close_sqlite_connections()
        assert not is_kept(file)
    finally:
        IDLE.stop()


def is_kept(file: Path) -> bool:
    """Whether the next one gets the connection of the last."""
    wrapper = opened(file)
    raw = wrapper.connection
    wrapper.close()
    return opened(file).connection is raw


def write(wrapper: BaseDatabaseWrapper) -> Path:
    """Write a table; the path of the write-ahead log, which has it."""
    with wrapper.cursor() as cursor:
        cursor.execute("CREATE TABLE thing (name TEXT)")
    log = Path(f"{wrapper.settings_dict['NAME']}-wal")
    assert log.stat().st_size > 0
    return log


def wait_until_empty(log: Path) -> None:
    deadline = time.monotonic() + 50 * QUIET_SECONDS
    while log.stat().st_size:
        assert time.monotonic() < deadline, "the write-ahead log is never truncated"
        time.sleep(0.05)


def test_the_log_is_truncated_once_no_connection_is_in_use(idle: IdleConnections, file: Path) -> None:
    """Though one stays open here, and another in a process that reads now and then."""
    wrapper, elsewhere = opened(file), sqlite3.connect(file)
    with closing(elsewhere):
        log = write(wrapper)
        assert elsewhere.execute("SELECT COUNT(*) FROM thing").fetchall() == [(0,)]
        raw = wrapper.connection
        wrapper.close()
        wait_until_empty(log)
    assert opened(file).connection is raw


def test_the_log_is_truncated_once_a_long_read_elsewhere_has_ended(idle: IdleConnections, file: Path) -> None:
    wrapper = opened(file)
    log = write(wrapper)
    with closing(sqlite3.connect(file)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT COUNT(*) FROM thing").fetchall() == [(0,)]
        wrapper.close()
        time.sleep(2 * QUIET_SECONDS)
        assert log.stat().st_size > 0, "the reader needs it"
        reader.rollback()
        wait_until_empty(log)


def test_the_log_is_left_alone_while_connections_are_used(idle: IdleConnections, file: Path) -> None:
    """A busy process would write it anew each time; SQLite begins it again from its start by itself."""
    wrapper = opened(file)
    log = write(wrapper)
    until = time.monotonic() + 3 * QUIET_SECONDS
    while time.monotonic() < until:
        wrapper.close()
        wrapper.ensure_connection()
        time.sleep(QUIET_SECONDS / 20)
    assert log.stat().st_size > 0


def test_a_connection_that_cannot_truncate_is_not_kept(idle: IdleConnections, file: Path) -> None:
    wrapper, other = opened(file), opened(file)  # the other one keeps the log
    write(wrapper)
    raw = wrapper.connection
    wrapper.close()
    raw.close()  # as any error of SQLite
    time.sleep(2 * QUIET_SECONDS)
    assert other.connection is not raw
    assert opened(file).connection is not raw


def test_none_is_kept_for_long(idle: IdleConnections, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its statistics are of the time when it was opened."""
    wrapper = opened(file)
    raw, now = wrapper.connection, time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + KEPT_SECONDS + 1)
    wrapper.close()
    assert opened(file).connection is not raw


def test_one_that_nobody_uses_is_closed_after_a_minute(
    idle: IdleConnections, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = opened(file)
    raw, now = wrapper.connection, time.monotonic()
    wrapper.close()
    monkeypatch.setattr(connection_pool, "time", SimpleNamespace(monotonic=lambda: now + KEPT_SECONDS + 1))
    time.sleep(2 * QUIET_SECONDS)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        raw.execute("SELECT 1")


def test_none_is_kept_to_a_file_in_whose_place_another_was_put(idle: IdleConnections, file: Path) -> None:
    """What it wrote would be lost without a word."""
    wrapper, restored = opened(file), file.with_name("restored")
    raw = wrapper.connection
    wrapper.close()
    with closing(sqlite3.connect(restored)) as other:
        other.execute("CREATE TABLE thing (name TEXT)")
    for name in (f"{file.name}-wal", f"{file.name}-shm"):
        file.with_name(name).unlink(missing_ok=True)
    restored.replace(file)

    after = opened(file)
    with after.cursor() as cursor:
        cursor.execute("INSERT INTO thing VALUES ('a')")
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT name FROM thing").fetchall() == [("a",)]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        raw.execute("SELECT 1")


def test_what_is_written_to_a_file_in_whose_place_another_was_put_stays(
    idle: IdleConnections, file: Path
) -> None:
    """Its log is that of the file before, which a connection to that one must not truncate."""
    wrapper, restored = opened(file), file.with_name("restored")
    write(wrapper)
    raw = wrapper.connection
    with closing(sqlite3.connect(restored)) as other:
        other.execute("CREATE TABLE thing (name TEXT)")
        other.execute("PRAGMA journal_mode = WAL")
    wrapper.close()
    wait_until_empty(file.with_name(f"{file.name}-wal"))
    restored.replace(file)

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("INSERT INTO thing VALUES ('a')")
        time.sleep(3 * QUIET_SECONDS)
        assert other.execute("SELECT name FROM thing").fetchall() == [("a",)]
    with closing(sqlite3.connect(file)) as another:
        assert another.execute("SELECT name FROM thing").fetchall() == [("a",)]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        raw.execute("SELECT 1")


def test_none_is_kept_to_a_file_that_is_gone(idle: IdleConnections, file: Path) -> None:
    wrapper = opened(file)
    raw = wrapper.connection
    wrapper.close()
    file.unlink()
    assert opened(file).connection is not raw


@pytest.mark.parametrize("end", ["close", "close_if_unusable_or_obsolete"])
def test_none_is_kept_on_which_anything_failed(idle: IdleConnections, file: Path, end: str) -> None:
    wrapper = opened(file)
    raw = wrapper.connection
    with wrapper.cursor() as cursor, pytest.raises(OperationalError, match="no such table"):
        cursor.execute("SELECT * FROM missing")
    getattr(wrapper, end)()
    assert wrapper.connection is None
    assert opened(file).connection is not raw


def test_a_question_that_was_not_read_to_its_end_holds_nothing(idle: IdleConnections, file: Path) -> None:
    """The next page would see what was there when it was asked."""
    writer, reader = opened(file), opened(file)
    with writer.cursor() as cursor:
        cursor.execute("CREATE TABLE thing (name TEXT)")
        cursor.execute("INSERT INTO thing VALUES ('a'), ('b')")
    left = reader.cursor()
    left.execute("SELECT name FROM thing")
    left.fetchone()
    raw = reader.connection
    reader.close()
    with writer.cursor() as cursor:
        cursor.execute("INSERT INTO thing VALUES ('c')")

    after = opened(file)
    assert after.connection is raw
    with after.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM thing")
        assert cursor.fetchone() == (3,)


def test_a_transaction_that_was_left_open_is_undone(idle: IdleConnections, file: Path) -> None:
    wrapper = opened(file)
    raw = wrapper.connection
    with wrapper.cursor() as cursor:
        cursor.execute("CREATE TABLE thing (name TEXT)")
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("INSERT INTO thing VALUES ('a')")
    wrapper.close()
    after = opened(file)
    assert after.connection is not raw
    with after.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM thing")
        assert cursor.fetchone() == (0,)


def test_none_is_open_once_it_was_stopped(idle: IdleConnections, file: Path) -> None:
    there, away = opened(file), opened(file)
    there.close()
    idle.stop()
    away.close()
    assert not file.with_name(f"{file.name}-wal").exists()
    assert all(thread.name != "sqlite" or not thread.is_alive() for thread in _after_a_moment())


def _after_a_moment() -> list[threading.Thread]:
    time.sleep(QUIET_SECONDS)
    return threading.enumerate()


def test_the_product_uses_this_backend(sqlite_only: None) -> None:
    assert type(connections[DEFAULT_DB_ALIAS]) is base.DatabaseWrapper
