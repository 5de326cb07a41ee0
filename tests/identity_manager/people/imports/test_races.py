"""Two imports at once, on a real database: neither waits for ever, and neither writes over the other."""

import threading
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from identity_manager import queue
from identity_manager.models import Person, Role
from identity_manager.people.imports import applying as importing
from identity_manager.people.imports.applying import ImportPlan, ImportStopped, plan
from tests.identity_manager.people.imports.test_applying import carry_out, row_of, rows
from tests.identity_manager.workflow.test_races import together
from tests.tools.cast import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long_on_postgresql]
MEET_SECONDS = 5 if connection.vendor == "postgresql" else 0.2  # on SQLite the other one cannot have begun


@pytest.fixture(autouse=True)
def nothing_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "publish", lambda task, row_id: None)


def test_a_system_administrator_who_leaves_by_one_of_two_imports_keeps_neither_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who leaves has the other ones locked, of whom the other import has written one already."""
    roles = (Role.SYSTEM_ADMINISTRATOR,)
    first, between = person("sven", roles=roles), person("uma")
    last = person("sara", roles=roles, sid="S-1-5-21-7")
    leaving = plan(rows(row_of(between, department="A"), row_of(last, state="inactive")))
    other = plan(rows(row_of(first, department="B"), row_of(between, department="B")))
    write, both = importing._write, threading.Barrier(2)
    written = threading.local()

    def slow(*given: Any, **more: Any) -> None:
        """Each waits after its first row for the other to have written one, too, where it can."""
        write(*given, **more)
        if not getattr(written, "once", False):
            written.once = True
            with suppress(threading.BrokenBarrierError):
                both.wait(MEET_SECONDS)

    monkeypatch.setattr(importing, "_write", slow)
    results = together(
        *(lambda each=each: carry_out(each, actor=None, confirmed_by=first) for each in (leaving, other))
    )

    stopped = [isinstance(each, ImportStopped) for each in results]
    departments = dict(Person.objects.values_list("pk", "department"))
    done = (departments[first.pk], departments[between.pk])
    left = Person.objects.get(pk=last.pk).state == "inactive"
    # Where the second began after the first had ended, as on SQLite, both are carried out.
    assert (*stopped, *done, left) in {
        (False, True, "Research", "A", True),
        (True, False, "B", "B", False),
        (False, False, "B", "B", True),
        (False, False, "B", "A", True),
    }


def test_one_who_is_new_in_both_keeps_neither_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first to end where it creates them, and holds nobody then."""
    roles = (Role.SYSTEM_ADMINISTRATOR,)
    first, between = person("sven", roles=roles), person("uma")
    last = person("sara", roles=roles, sid="S-1-5-21-7")
    new = {"personnel_number": "NEW-1", "given_name": "Nora", "surname": "Nord"}
    leaving = plan(rows(row_of(between, department="A"), row_of(last, state="inactive"), new))
    other = plan(rows(row_of(between, department="B"), new))
    create, both = importing._create, threading.Barrier(2)

    def staged(planned: ImportPlan, carrying: importing.Importing) -> None:
        """That of the one who leaves begins when the other import has created, too, where it can."""
        leads = planned.leaving == 0
        if leads:
            create(planned, carrying)
        with suppress(threading.BrokenBarrierError):
            both.wait(MEET_SECONDS)
        if not leads:
            create(planned, carrying)

    monkeypatch.setattr(importing, "_create", staged)
    results = together(
        *(lambda each=each: carry_out(each, actor=None, confirmed_by=first) for each in (leaving, other))
    )

    stopped = [isinstance(each, ImportStopped) for each in results]
    department = Person.objects.get(pk=between.pk).department
    left = Person.objects.get(pk=last.pk).state == "inactive"
    # On SQLite the first to begin is carried out; on PostgreSQL the other one, which has created already.
    assert (*stopped, department, left) in {(False, True, "A", True), (True, False, "B", False)}
    assert Person.objects.filter(personnel_number="NEW-1").count() == 1
