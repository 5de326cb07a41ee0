"""`manage.py migrate` beside old processes that hold the locks which it wants."""

from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.commands import migrate as django_migrate
from django.db import OperationalError, connection, transaction

from identity_manager.management.commands import migrate

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "PAUSE_SECONDS", 0.0)


class Failing:
    """Django's command, which fails with these errors before it does its work."""

    def __init__(self, *causes: Exception) -> None:
        self.causes, self.calls = list(causes), 0

    def __call__(self, *_args: Any, **_options: Any) -> None:
        self.calls += 1
        if self.causes:
            cause = self.causes.pop(0)
            raise OperationalError(str(cause)) from cause


def run_with(monkeypatch: pytest.MonkeyPatch, failing: Failing) -> str:
    """What it says on stderr."""
    monkeypatch.setattr(
        django_migrate.Command, "handle", lambda _self, *args, **options: failing(*args, **options)
    )
    said = StringIO()
    call_command("migrate", stderr=said)
    return said.getvalue()


def test_it_tries_again_after_a_deadlock_and_a_lock_that_took_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing = Failing(
        psycopg.errors.DeadlockDetected("deadlock detected\nDETAIL: 1"), psycopg.errors.LockNotAvailable()
    )
    said = run_with(monkeypatch, failing)
    assert failing.calls == 3
    assert said.startswith("deadlock detected; tried again in 0 seconds.")


def test_it_ends_with_the_error_of_its_last_try(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Failing(*(psycopg.errors.DeadlockDetected(str(number)) for number in range(99)))
    with pytest.raises(OperationalError, match=str(migrate.TRIES - 1)):
        run_with(monkeypatch, failing)
    assert failing.calls == migrate.TRIES


def test_another_error_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Failing(psycopg.errors.DiskFull("disk full"))
    with pytest.raises(OperationalError, match="disk full"):
        run_with(monkeypatch, failing)
    assert failing.calls == 1


@pytest.mark.usefixtures("postgresql_only")
def test_a_lock_of_another_transaction_is_told_from_other_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """With PostgreSQL's own error, since a driver could name it in another way."""
    tries: list[int] = []
    other = connection.copy()
    other.ensure_connection()
    other.set_autocommit(False)

    def handle(_self: Any, *_args: Any, **_options: Any) -> None:
        tries.append(len(tries))
        other.cursor().execute("LOCK TABLE identity_manager_person" if len(tries) == 1 else "ROLLBACK")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = 50")
            cursor.execute("LOCK TABLE identity_manager_person")

    monkeypatch.setattr(django_migrate.Command, "handle", handle)
    try:
        call_command("migrate", stderr=StringIO())
    finally:
        other.close()
    assert tries == [0, 1]
