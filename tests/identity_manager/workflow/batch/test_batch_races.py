"""Batch orders under fire: two officers, two workers, two orders of one person, a worker killed anywhere."""

import os
import signal
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from identity_manager import queue, task_names
from identity_manager.jobs import sweep
from identity_manager.models import (
    AuditEvent,
    BatchOrder,
    BatchSource,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.models.lease import BRIEF_LEASE
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.batch import bulk_enable, chunk_size, placing
from identity_manager.workflow.batch import division as batch_division
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import shards as batch_shards
from identity_manager.workflow.batch import worker as batch_run
from tests.identity_manager.workflow.batch.orders import due, work
from tests.identity_manager.workflow.test_races import succeeded, together
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long]
PERSONS = 30


@pytest.fixture
def company(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Company:
    """The worker's part is played by the tests: nothing is published."""
    monkeypatch.setattr(queue, "publish", lambda *_message: None)
    monkeypatch.setattr(chunk_size.ChunkSize, "size", 10)
    monkeypatch.setattr(chunk_size.ChunkSize, "MOST", 10)
    return Company()


@pytest.fixture
def crowd(company: Company) -> list[Person]:
    return [cast.person(f"one{number}", sid="", roles=()) for number in range(PERSONS)]


def given(company: Company, persons: list[Person], *, is_started: bool = True) -> BatchOrder:
    ids = [str(person.pk) for person in persons]
    wanted = placing.BatchOrderInput(BatchSource.SELECTION, ids, [company.vpn.pk], accept_partial=False)
    order = placing.place_order(actor=company.ada, order_id=uuid.uuid4(), wanted=wanted)
    work(order)
    return batch_orders.start(actor=company.ada, order_id=order.pk) if is_started else order


def nobody_twice_nobody_lost(order: BatchOrder, persons: list[Person]) -> None:
    """Each person has one request, one token, one mail; and one line that says so."""
    order = BatchOrder.objects.get(pk=order.pk)
    assert (order.state, order.counts) == ("finished", {"enabled": len(persons)})
    assert TokenRequest.objects.count() == len(persons)
    for rows in (TokenRequest, SoftwareToken, OutgoingMail):
        assert set(rows.objects.values_list("person_id", flat=True)) == {each.pk for each in persons}
        assert rows.objects.count() == len(persons)
    assert order.lines.filter(request__isnull=False).count() == len(persons)
    assert AuditEvent.objects.filter(name="request.created").count() == len(persons)
    assert AuditEvent.objects.filter(name="batch.finished").count() == 1


@pytest.mark.parametrize("verb", ["start", "pause", "resume", "cancel"])
def test_two_clicks_have_one_effect(company: Company, verb: str) -> None:
    order = given(company, [company.uma], is_started=verb != "start")
    if verb == "resume":
        batch_orders.pause(actor=company.ada, order_id=order.pk)
    call = getattr(batch_orders, verb)
    before = AuditEvent.objects.filter(name__startswith="batch.").count()

    results = together(*[lambda: call(actor=company.ada, order_id=order.pk)] * 4)

    assert succeeded(results) == 1
    assert AuditEvent.objects.filter(name__startswith="batch.").count() == before + 1


def test_one_form_sent_at_once_from_two_windows_is_one_order(company: Company) -> None:
    key = uuid.uuid4()
    wanted = placing.BatchOrderInput(
        BatchSource.SELECTION, [str(company.uma.pk)], [company.vpn.pk], accept_partial=False
    )

    together(*[lambda: placing.place_order(actor=company.ada, order_id=key, wanted=wanted)] * 4)

    assert BatchOrder.objects.count() == 1
    assert AuditEvent.objects.filter(name="batch.created").count() == 1


def test_workers_of_one_order_share_nothing(company: Company, crowd: list[Person]) -> None:
    order = given(company, crowd)

    results = together(*[lambda: batch_run.run(order_id=order.pk)] * 3)
    assert sorted(results) == [False, False, True]
    (shard,) = due(order)
    results = together(*[lambda: batch_shards.run(shard_id=shard)] * 3)

    assert sorted(results) == [False, False, True]
    nobody_twice_nobody_lost(order, crowd)


def test_two_orders_of_the_same_persons_enable_each_once(company: Company, crowd: list[Person]) -> None:
    first, second = given(company, crowd), given(company, crowd[::-1])

    together(*[lambda order=order: work(order) for order in (first, second)])

    counts = [BatchOrder.objects.get(pk=order.pk).counts for order in (first, second)]
    assert sum(each.get("enabled", 0) for each in counts) == PERSONS
    assert sum(each.get("skipped", 0) for each in counts) == PERSONS
    assert TokenRequest.objects.count() == PERSONS


def test_a_click_on_enable_and_the_batch_at_once_open_one_request(
    company: Company, crowd: list[Person]
) -> None:
    order = given(company, crowd)

    def clicks() -> int:
        done = 0
        for person in crowd[:8]:
            try:
                cast.enabled(company.ada, person, company.vpn)
                done += 1
            except Refused:
                continue
        return done

    _ran, by_hand = together(lambda: work(order), clicks)

    counts = BatchOrder.objects.get(pk=order.pk).counts
    assert TokenRequest.objects.count() == PERSONS
    assert counts.get("enabled", 0) + by_hand == PERSONS


# --- A worker that is killed
def killed(run: Callable[[], Any]) -> None:
    """Run it in a process of its own, which is killed by what it runs."""
    connection.close()
    child = os.fork()
    if child == 0:
        try:
            run()
        finally:
            os._exit(1)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it was to be killed"
    assert os.WTERMSIG(status) == signal.SIGKILL


def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before_writing(*_args: Any, **_more: Any) -> None:
    dies()


def after_writing(*args: Any, **more: Any) -> None:
    WRITE(*args, **more)
    dies()


def second_time(*args: Any, **more: Any) -> None:
    bulk_enable.write_chunk = after_writing  # type: ignore[assignment]  # in the child alone
    WRITE(*args, **more)


def between_chunks(*_args: Any) -> None:
    dies()


WRITE = bulk_enable.write_chunk
PLACES: dict[str, tuple[Any, str, Any]] = {
    "before the first chunk is written": (bulk_enable, "write_chunk", before_writing),
    "when it is written and not committed": (bulk_enable, "write_chunk", after_writing),
    "within the second chunk": (bulk_enable, "write_chunk", second_time),
    "between two chunks": (chunk_size.ChunkSize, "wrote", between_chunks),
    "when it is divided and not committed": (batch_division, "start_waiting_shards", before_writing),
    "between the last chunk and the end": (batch_shards.Worker, "_end", before_writing),
    "when it is finished and not committed": (BatchOrder, "finish", before_writing),
}
DONE = {
    "within the second chunk": 10,
    "between two chunks": 10,
    "between the last chunk and the end": PERSONS,
    "when it is finished and not committed": PERSONS,
}


@pytest.mark.parametrize("place", PLACES)
def test_killed_anywhere_it_goes_on_with_who_is_left(
    company: Company, crowd: list[Person], place: str
) -> None:
    order = given(company, crowd)
    where, name, deadly = PLACES[place]

    def run() -> None:
        setattr(where, name, deadly)
        work(order)

    killed(run)
    assert TokenRequest.objects.count() == DONE.get(place, 0)
    assert not work(order), "its lease is not over"

    with time_machine.travel(timezone.now() + BRIEF_LEASE + timedelta(seconds=1)):
        tasks = (task_names.RUN_BATCH_ORDER, task_names.RUN_BATCH_SHARD)
        assert [row for task in tasks for row in sweep.WORK[task]().to_be_requeued(timezone.now())]
        assert work(order)

    nobody_twice_nobody_lost(order, crowd)


@pytest.mark.parametrize("place", ["check_lines", "wrote"], ids=["within the dry run", "between its chunks"])
def test_killed_in_the_dry_run_nobody_is_looked_at_twice(
    company: Company, crowd: list[Person], place: str
) -> None:
    ids = [str(person.pk) for person in crowd]
    wanted = placing.BatchOrderInput(BatchSource.SELECTION, ids, [company.vpn.pk], accept_partial=False)
    order = placing.place_order(actor=company.ada, order_id=uuid.uuid4(), wanted=wanted)

    def run() -> None:
        where: Any = bulk_enable if place == "check_lines" else chunk_size.ChunkSize
        setattr(where, place, before_writing)
        batch_run.run(order_id=order.pk)

    killed(run)
    with time_machine.travel(timezone.now() + BRIEF_LEASE + timedelta(seconds=1)):
        assert batch_run.run(order_id=order.pk)

    order.refresh_from_db()
    assert (order.state, order.looked_at) == ("checked", PERSONS)
    positions = list(order.lines.order_by("position").values_list("position", flat=True))
    assert positions == list(range(1, PERSONS + 1))


def test_one_shard_at_a_time_where_there_is_one_writer() -> None:
    """Two would leave all others no gap (decision 28); how many are given out: test_shards.py."""
    assert batch_division.parallelism() == {"sqlite": 1, "postgresql": 3}[connection.vendor]
