"""A child of fork() has connections of its own, and its parent keeps the ones that it has."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from celery import current_app
from celery.concurrency import prefork
from django.db import connection

from identity_manager.models import Person

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


def in_a_child(work: Callable[[], str]) -> str:
    """What it says in a process that is forked from this one, as gunicorn and Celery fork theirs."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, work().encode())
        except Exception as error:  # noqa: BLE001 the parent judges it
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        words = stream.read()
    os.waitpid(child, 0)
    return words


def session() -> str:
    """Which session of PostgreSQL this process speaks in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return str(cursor.fetchone()[0])


def test_a_child_has_a_session_of_its_own(postgresql_only: None) -> None:
    ours = session()
    theirs = in_a_child(session)
    assert theirs.isdecimal()
    assert theirs != ours
    assert session() == ours  # and ours lives on after the child has ended


def test_a_child_has_a_pool_of_its_own(postgresql_only: None) -> None:
    """Also where another thread opened it, which the child does not have."""
    settings = connection.settings_dict
    assert settings["OPTIONS"]["pool"]["max_size"] == 16
    other = threading.Thread(target=lambda: (session(), connection.close()))
    other.start()
    other.join()
    ours = connection.pool

    def closed_and_opened() -> str:
        connection.close()
        first = session()
        later = set()
        for _turn in range(2 * 16):  # the pool gives them out in turn
            connection.close()
            later.add(session())
        return f"{first in later} {connection.pool is ours} {first}"

    kept, shared, theirs = in_a_child(closed_and_opened).split()
    assert (kept, shared) == ("True", "False")
    connection.close()
    assert session() != theirs
    assert connection.pool is ours


def test_children_write_beside_their_parent() -> None:
    number = Person.objects.count()
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_adds_a_person, args=(f"child-{each}",)) for each in range(3)]
    for child in children:
        child.start()
    Person.objects.create(personnel_number="parent", display_name="Parent")
    for child in children:
        child.join(timeout=60)
        assert child.exitcode == 0
    assert Person.objects.count() == number + 4


def _adds_a_person(number: str) -> None:
    Person.objects.create(personnel_number=number, display_name=number)
    connection.close()


def test_a_process_of_a_worker_keeps_its_pool_from_task_to_task(postgresql_only: None) -> None:
    (tie,) = current_app._get_current_object()._fixups
    worker = tie.worker_fixup
    worker.worker = SimpleNamespace(pool_cls=prefork.TaskPool)
    try:
        pool = connection.pool if session() else None
        worker._close_database()  # what Celery does after each task
        assert connection.connection is None
        assert session()
        assert connection.pool is pool
    finally:
        worker.worker = None
