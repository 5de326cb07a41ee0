"""A directory run rests between its chunks, outside transactions, so that pages are answered beside it."""

import pytest
from django.db import connection

from identity_manager.people.directory_runs import applying, staging, throttle
from identity_manager.people.directory_runs.throttle import Throttle
from tests.tools.directory import FakeDirectory, run


class Clock:
    """A clock that tests set, which sleeping advances."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(throttle, "time", clock)
    return clock


def test_a_rest_is_a_fifth_of_what_the_chunk_took_and_no_longer_than_a_second(clock: Clock) -> None:
    found = Throttle()

    clock.now += 0.3
    found.rest()
    clock.now += 0.6  # the rest itself counts as no chunk
    found.rest()
    clock.now += 60
    found.rest()

    assert clock.slept == pytest.approx([0.06, 0.12, 1.0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
@pytest.mark.nightly_on_postgresql
def test_a_run_rests_after_each_chunk_that_it_reads_and_writes(
    corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[bool] = []
    monkeypatch.setattr(Throttle, "rest", lambda _self: inside.append(connection.in_atomic_block))
    monkeypatch.setattr(staging, "CHUNK", 2)
    monkeypatch.setattr(applying, "CHUNK", 2)
    for number in range(4):
        corp.add(f"nina{number}")

    run()

    assert inside == [False] * 4  # two chunks read, two written; none holds a lock meanwhile
