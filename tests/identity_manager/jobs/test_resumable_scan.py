"""Scans that go on where the last run stopped, in the order in which rows were written."""

import uuid
from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.cache import cache
from django.db import OperationalError
from django.utils import timezone

from identity_manager.jobs import resumable_scan
from identity_manager.models import Person
from identity_manager.transactions import retry_later
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def scanned(verb: Callable[[list[uuid.UUID]], int], *, reads_rows_alone: bool = True) -> int:
    return resumable_scan.of_written("a-scan", Person.objects.all(), verb, reads_rows_alone=reads_rows_alone)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows the verb got, call by call, in chunks of two."""
    monkeypatch.setattr(resumable_scan, "AT_ONCE", 2)
    for name in ("ann", "ben", "cara"):
        cast.person(name)
    return []


def noting(seen: list[int]) -> Callable[[list[uuid.UUID]], int]:
    def verb(keys: list[uuid.UUID]) -> int:
        seen.append(len(keys))
        return len(keys)

    return verb


def test_what_is_as_it_was_at_the_run_before_is_left_alone(seen: list[int]) -> None:
    assert scanned(noting(seen)) == 3
    assert scanned(noting(seen)) == 0
    assert seen == [2, 1]


def test_what_was_written_since_then_comes_again_with_its_neighbours(seen: list[int]) -> None:
    scanned(noting(seen))
    Person.objects.filter(personnel_number="P-cara").update(updated_at=timezone.now())
    seen.clear()
    assert scanned(noting(seen)) == 1
    cast.person("dora")
    seen.clear()
    assert scanned(noting(seen)) == 2
    assert scanned(noting(seen)) == 0


def test_what_was_committed_behind_the_place_is_seen(seen: list[int]) -> None:
    """A transaction that began before the last run, and ended after it."""
    scanned(noting(seen))
    early = Person.objects.order_by("updated_at").values_list("updated_at", flat=True)[0]
    late = cast.person("dora")
    Person.objects.filter(pk=late.pk).update(updated_at=early)
    assert scanned(noting(seen)) > 0


def test_a_chunk_that_failed_comes_again(seen: list[int]) -> None:
    def fail(keys: list[uuid.UUID]) -> int:
        if len(keys) == 1:
            raise LookupError("a slip of ours")
        return noting(seen)(keys)

    with pytest.raises(LookupError):
        scanned(fail)
    assert scanned(noting(seen)) == 1
    assert seen == [2, 1]


def test_what_was_undone_while_a_run_was_under_way_comes_again(seen: list[int]) -> None:
    def undone_meanwhile(keys: list[uuid.UUID]) -> int:
        resumable_scan.restart_scan("a-scan")
        return noting(seen)(keys)

    assert scanned(undone_meanwhile) == 3
    assert scanned(noting(seen)) == 3
    assert scanned(noting(seen)) == 0


def test_a_verb_that_reads_more_than_these_rows_is_called_each_time(seen: list[int]) -> None:
    for _turn in range(2):
        assert scanned(noting(seen), reads_rows_alone=False) == 3
    assert seen == [2, 1, 2, 1]


def failing(seen: list[int], bad: Collection[uuid.UUID]) -> Callable[[list[uuid.UUID]], int]:
    note = noting(seen)

    def verb(keys: list[uuid.UUID]) -> int:
        if set(keys) & set(bad):
            raise ValueError("bad")
        return note(keys)

    return verb


def test_a_chunk_that_failed_comes_again_however_long_ago_it_was_written(seen: list[int]) -> None:
    old = Person.objects.order_by("updated_at", "pk").values_list("pk", flat=True)[:2]
    bad = list(old)
    Person.objects.filter(pk__in=bad).update(updated_at=timezone.now() - timedelta(days=2))
    with pytest.raises(ValueError, match="bad"):
        scanned(failing(seen, bad))
    with pytest.raises(ValueError, match="bad"):
        scanned(failing(seen, bad))
    assert seen == [1], "it stops none of the later ones, and is tried at each run"
    assert scanned(noting(seen)) == 2
    assert seen == [1, 2]
    assert scanned(noting(seen)) == 0


def test_with_too_many_that_failed_it_begins_anew(seen: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable_scan, "MOST_UNFINISHED", 1)
    everybody = list(Person.objects.values_list("pk", flat=True))
    with pytest.raises(ValueError, match="bad"):
        scanned(failing(seen, everybody))
    assert scanned(noting(seen)) == 3


def raising(error: Exception) -> Callable[[], int]:
    def scan() -> int:
        raise error

    return scan


def test_a_scan_that_fails_keeps_none_of_its_job_back(seen: list[int]) -> None:
    later = partial(resumable_scan.of_portions, "later", Person.objects.all(), noting(seen))
    with pytest.raises(ValueError, match="first"):
        resumable_scan.in_turn(raising(ValueError("first")), later, raising(ValueError("second")), later)
    assert seen == [2, 1, 2, 1]


@pytest.mark.parametrize("error", [SoftTimeLimitExceeded(), OperationalError()])
def test_at_the_end_of_its_time_and_without_a_database_a_job_ends_at_once(
    seen: list[int], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_later.connection, "is_usable", lambda: False)
    later = partial(resumable_scan.of_portions, "later", Person.objects.all(), noting(seen))
    with pytest.raises(type(error)):
        resumable_scan.in_turn(raising(error), later)
    assert seen == []


def test_the_cache_holds_what_other_versions_read(seen: list[int]) -> None:
    """Hosts of two versions share it during an upgrade, so it has no class of ours."""
    scanned(noting(seen))
    last, at_end, dealt_with, restarted = cache.get("in-order:a-scan")
    assert last == Person.objects.order_by("updated_at", "pk").values_list("updated_at", "pk").last()
    assert (at_end, type(dealt_with), len(dealt_with), restarted) == (True, frozenset, 2, None)
