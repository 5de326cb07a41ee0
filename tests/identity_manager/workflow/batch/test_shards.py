"""Several workers carry a batch order out, each in a shard of its own: divided, stopped, finished once."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from identity_manager import queue, task_names
from identity_manager.models import (
    AuditEvent,
    BatchOrder,
    BatchShard,
    Person,
    RoleAssignment,
    TokenRequest,
)
from identity_manager.models.lease import BRIEF_LEASE
from identity_manager.workflow.batch import bulk_enable, chunk_size
from identity_manager.workflow.batch import division as batch_division
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import shards as batch_shards
from identity_manager.workflow.batch import worker as batch_run
from tests.identity_manager.transactions.test_locking import until_somebody_waits
from tests.identity_manager.workflow.batch.orders import due, work
from tests.identity_manager.workflow.batch.test_batch_races import given, nobody_twice_nobody_lost
from tests.identity_manager.workflow.test_races import together
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,  # it has one writer at a time
]
PERSONS = 30
LINES = 10
STOPPED = {batch_orders.pause: "paused", batch_orders.cancel: "cancelled"}


@pytest.fixture
def published(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, uuid.UUID]]:
    """The worker's part is played by the tests."""
    messages: list[tuple[str, uuid.UUID]] = []
    monkeypatch.setattr(queue, "publish", lambda task, *ids: messages.extend((task, pk) for pk in ids))
    return messages


@pytest.fixture
def lanes() -> Callable[[], int]:
    """The product's own."""
    return batch_division.parallelism


@pytest.fixture
def company(lanes: object, published: list[Any], monkeypatch: pytest.MonkeyPatch) -> Company:
    """Three shards of two chunks; of any number work may go on at a time."""
    monkeypatch.setattr(chunk_size.ChunkSize, "size", 5)
    monkeypatch.setattr(batch_division, "LINES_PER_SHARD", LINES)
    monkeypatch.setattr(batch_division, "parallelism", lambda: PERSONS)
    return Company()


@pytest.fixture
def crowd(company: Company) -> list[Person]:
    return [cast.person(f"one{number}", sid="", roles=()) for number in range(PERSONS)]


@pytest.fixture
def divided(company: Company, crowd: list[Person]) -> BatchOrder:
    """An order that is divided; nobody is enabled yet."""
    order = given(company, crowd)
    assert batch_run.run(order_id=order.pk)
    return order


def runs(shard: uuid.UUID) -> Callable[[], bool]:
    """A worker that has heard of the shard."""
    return lambda: batch_shards.run(shard_id=shard)


def outcomes(order: BatchOrder) -> list[str]:
    return list(order.lines.order_by("position").values_list("outcome", flat=True))


# --- Division
def test_a_started_order_is_divided_and_has_no_lease_any_more(divided: BatchOrder) -> None:
    assert [(row.first, row.last) for row in divided.shards.order_by("first")] == [
        (1, 10),
        (11, 20),
        (21, 30),
    ]
    divided.refresh_from_db()
    assert (divided.state, divided.claim_id, divided.next_attempt_at) == ("running", None, None)
    assert not batch_run.run(order_id=divided.pk), "nobody takes it as a whole: not the release before, too"


def test_a_fault_of_the_division_stands_on_the_order_which_is_tried_again(
    company: Company, crowd: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = given(company, crowd)
    monkeypatch.setattr(batch_division, "divide", Mock(side_effect=ValueError("a fault")))
    with pytest.raises(ValueError, match="a fault"):
        batch_run.run(order_id=order.pk)

    order.refresh_from_db()
    assert (order.last_error, order.claim_id) == ("ValueError: a fault", None)
    assert order.next_attempt_at is not None


def test_workers_in_different_shards_enable_each_once(divided: BatchOrder, crowd: list[Person]) -> None:
    assert together(*map(runs, due(divided))) == [True] * 3

    nobody_twice_nobody_lost(divided, crowd)
    assert not BatchShard.objects.exists()


def test_only_who_is_ready_is_in_a_shard(company: Company, crowd: list[Person]) -> None:
    order = given(company, crowd)
    order.lines.filter(position__lte=25).exclude(position=7).update(outcome="refused")

    batch_run.run(order_id=order.pk)

    (shard,) = order.shards.all()
    assert (shard.first, shard.last) == (7, 30)
    work(order)
    assert BatchOrder.objects.get(pk=order.pk).counts == {"refused": 24, "enabled": 6}


def test_who_does_not_have_the_order_any_more_does_not_divide_it(divided: BatchOrder) -> None:
    before = list(divided.shards.order_by("first").values_list("pk", flat=True))

    batch_division.divide(order_id=divided.pk, claim=uuid.uuid4())

    assert list(divided.shards.order_by("first").values_list("pk", flat=True)) == before


def test_so_many_shards_at_a_time_and_the_next_when_one_ends(
    company: Company,
    crowd: list[Person],
    published: list[tuple[str, uuid.UUID]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch_division, "parallelism", lambda: 2)
    order = given(company, crowd)
    batch_run.run(order_id=order.pk)
    first, second, third = order.shards.order_by("first").values_list("pk", flat=True)
    published.clear()

    assert due(order) == [first, second]
    assert batch_shards.run(shard_id=first)
    assert published == [(task_names.RUN_BATCH_SHARD, third)]
    assert due(order) == [second, third]
    assert not batch_shards.run(shard_id=first), "its message may come twice"
    work(order)
    nobody_twice_nobody_lost(order, crowd)


def test_orders_that_run_at_the_same_time_share_the_lanes(
    company: Company, crowd: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_division, "parallelism", lambda: 2)
    monkeypatch.setattr(batch_division, "LINES_PER_SHARD", 5)
    big, small = given(company, crowd[:20]), given(company, crowd[20:])

    batch_run.run(order_id=big.pk)
    batch_run.run(order_id=small.pk)
    assert (len(due(big)), len(due(small))) == (2, 1), "nobody waits until the other one has ended"

    batch_shards.run(shard_id=due(big)[0])
    assert (len(due(big)), len(due(small))) == (1, 1)
    work(small)
    batch_shards.run(shard_id=due(big)[0])
    assert len(due(big)) == 2, "the other one needs none any more"
    work(big)
    assert [BatchOrder.objects.get(pk=order.pk).counts for order in (big, small)] == [
        {"enabled": 20},
        {"enabled": 10},
    ]
    assert TokenRequest.objects.count() == len(crowd)


def test_a_shard_that_a_fault_delays_takes_nobodys_lane(
    company: Company, crowd: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_division, "parallelism", lambda: 1)
    big, small = given(company, crowd[:20]), given(company, crowd[20:])
    batch_run.run(order_id=big.pk)
    (first,) = due(big)
    with monkeypatch.context() as broken:
        broken.setattr(bulk_enable, "write_chunk", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            batch_shards.run(shard_id=first)
    assert due(big) == []

    batch_run.run(order_id=small.pk)
    batch_shards.run(shard_id=due(small)[0])

    assert BatchOrder.objects.get(pk=small.pk).state == "finished"
    assert big.shards.with_fault(big.pk).count() == 1


def test_as_many_at_a_time_as_the_database_lets_write(
    company: Company, crowd: list[Person], lanes: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One writer keeps all others out: two at a time would leave them no gap (decision 28)."""
    monkeypatch.setattr(batch_division, "parallelism", lanes)
    monkeypatch.setattr(batch_division, "LINES_PER_SHARD", 5)
    order = given(company, crowd)
    batch_run.run(order_id=order.pk)

    assert order.shards.count() == 6
    assert len(due(order)) == {"sqlite": 1, "postgresql": 3}[connection.vendor]


def test_the_next_shard_begins_at_the_pace_that_was_right_for_the_last(
    company: Company, crowd: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_division, "parallelism", lambda: 1)
    monkeypatch.setattr(chunk_size.ChunkSize, "size", 10)
    monkeypatch.setattr(chunk_size.ChunkSize, "TARGET", 60)
    order = given(company, crowd)
    batch_run.run(order_id=order.pk)

    (first,) = due(order)
    batch_shards.run(shard_id=first)

    assert list(order.shards.order_by("first").values_list("pace", flat=True)) == [12, None]


def test_after_a_fault_the_next_shard_does_not_go_one_by_one(
    company: Company, crowd: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_division, "parallelism", lambda: 1)
    order = given(company, crowd)
    batch_run.run(order_id=order.pk)
    order.shards.filter(pk__in=due(order)).update(last_error="a fault")

    (first,) = due(order)
    batch_shards.run(shard_id=first)

    assert list(order.shards.order_by("first").values_list("pace", flat=True)) == [None, None]


def test_a_shard_that_takes_long_is_handed_on(
    divided: BatchOrder, published: list[tuple[str, uuid.UUID]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_size, "WORK_SECONDS", -1)
    shard = due(divided)[0]
    published.clear()

    assert batch_shards.run(shard_id=shard)

    assert published == [(task_names.RUN_BATCH_SHARD, shard)]
    assert outcomes(divided)[:10] == ["enabled"] * 5 + ["ready"] * 5
    assert shard in due(divided)


# --- The end
def test_two_last_shards_that_end_at_the_same_moment_finish_it_once(
    divided: BatchOrder, crowd: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    end, barrier = batch_shards.Worker._end, threading.Barrier(3)

    def at_once(worker: batch_shards.Worker) -> None:
        barrier.wait(timeout=30)
        end(worker)

    monkeypatch.setattr(batch_shards.Worker, "_end", at_once)

    assert together(*map(runs, due(divided))) == [True] * 3
    nobody_twice_nobody_lost(divided, crowd)


def test_who_has_lost_the_shard_before_its_end_ends_nothing(
    divided: BatchOrder, crowd: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    end = batch_shards.Worker._end

    def slow(worker: batch_shards.Worker) -> None:
        monkeypatch.setattr(batch_shards.Worker, "_end", end)
        with time_machine.travel(timezone.now() + BRIEF_LEASE + timedelta(seconds=1)):
            assert BatchShard.objects.claim(worker.shard.pk, now=timezone.now())
        end(worker)

    monkeypatch.setattr(batch_shards.Worker, "_end", slow)
    first = due(divided)[0]
    batch_shards.run(shard_id=first)

    assert divided.shards.filter(pk=first).exists(), "it is the other one's"
    with time_machine.travel(timezone.now() + 3 * BRIEF_LEASE):
        work(divided)
    nobody_twice_nobody_lost(divided, crowd)


def test_whoever_is_in_no_shard_is_not_passed_over(divided: BatchOrder, crowd: list[Person]) -> None:
    divided.shards.order_by("first")[1].delete()

    for shard in due(divided):
        batch_shards.run(shard_id=shard)

    assert BatchOrder.objects.get(pk=divided.pk).state == "running"
    work(divided)
    nobody_twice_nobody_lost(divided, crowd)


# --- Stopped
@pytest.mark.parametrize("verb", STOPPED, ids=STOPPED.values())
def test_stopped_while_several_work_nobody_writes_anything_more(
    company: Company, divided: BatchOrder, verb: Callable[..., object]
) -> None:
    stopped = threading.Event()

    def stop() -> int:
        verb(actor=company.ada, order_id=divided.pk)
        stopped.set()
        return TokenRequest.objects.count()

    *_worked, enabled = together(*map(runs, due(divided)), stop)

    assert stopped.is_set()
    assert TokenRequest.objects.count() == enabled
    assert outcomes(divided).count("enabled") == enabled
    assert BatchOrder.objects.get(pk=divided.pk).state == STOPPED[verb]
    assert not BatchShard.objects.exists()
    assert not work(divided)


def test_who_pauses_waits_for_the_chunks_under_way_and_counts_them(
    company: Company, divided: BatchOrder, postgresql_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, within, released = bulk_enable.write_chunk, threading.Barrier(3), threading.Event()

    def slow(*args: Any) -> int:
        within.wait(timeout=30)
        assert released.wait(timeout=30)
        return write(*args)

    def pause() -> BatchOrder:
        within.wait(timeout=30)
        return batch_orders.pause(actor=company.ada, order_id=divided.pk)

    def release() -> None:
        until_somebody_waits()
        released.set()

    monkeypatch.setattr(bulk_enable, "write_chunk", slow)
    first, second, _third = due(divided)
    results = together(runs(first), runs(second), pause, release)

    assert [each for each in results if isinstance(each, Exception)] == []
    assert AuditEvent.objects.get(name="batch.paused").facts["counts"] == {"enabled": 10, "ready": 20}
    assert outcomes(divided).count("enabled") == 10
    assert not BatchShard.objects.exists()


def test_an_asker_who_lost_the_office_stops_every_shard(
    company: Company, divided: BatchOrder, published: list[Any]
) -> None:
    RoleAssignment.objects.filter(person=company.ada).delete()

    together(*map(runs, due(divided)))

    divided.refresh_from_db()
    assert (divided.state, divided.stopped_because) == ("paused", "asker-cannot")
    assert AuditEvent.objects.filter(name="batch.paused").count() == 1
    assert not BatchShard.objects.exists()
    assert not TokenRequest.objects.exists()


def test_resumed_it_is_divided_anew(company: Company, divided: BatchOrder, crowd: list[Person]) -> None:
    batch_shards.run(shard_id=due(divided)[1])
    batch_orders.pause(actor=company.ada, order_id=divided.pk)
    batch_orders.resume(actor=company.ada, order_id=divided.pk)

    batch_run.run(order_id=divided.pk)

    assert [(row.first, row.last) for row in divided.shards.order_by("first")] == [(1, 10), (21, 30)]
    work(divided)
    nobody_twice_nobody_lost(divided, crowd)


def test_resumed_when_all_are_enabled_it_is_finished(
    company: Company, divided: BatchOrder, crowd: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(batch_shards.Worker, "_end", lambda worker: None)  # somebody pauses it before
        together(*map(runs, due(divided)))
    batch_orders.pause(actor=company.ada, order_id=divided.pk)
    batch_orders.resume(actor=company.ada, order_id=divided.pk)

    work(divided)

    nobody_twice_nobody_lost(divided, crowd)


# --- Beside the release before, which knows of no shards
def of_the_release_before(order: BatchOrder, company: Company) -> None:
    """It has claimed the order as a whole, enabled five persons, and died."""
    claim = BatchOrder.objects.claim(order.pk, now=timezone.now())
    assert claim
    lines = list(order.lines.order_by("position")[:5])
    work = bulk_enable.prepare_chunk(
        order, lines, asker=company.ada, offer=bulk_enable.catalogue_snapshot(None)
    )
    with transaction.atomic():
        assert BatchOrder.objects.held(order.pk, claim).update(leased_until=timezone.now() + BRIEF_LEASE)
        bulk_enable.write_chunk(order, work)


def test_an_order_that_it_has_begun_goes_on_when_its_lease_is_over(
    company: Company, crowd: list[Person]
) -> None:
    order = given(company, crowd)
    of_the_release_before(order, company)

    assert not work(order), "it is still the other one's"
    with time_machine.travel(timezone.now() + BRIEF_LEASE + timedelta(seconds=1)):
        assert batch_run.run(order_id=order.pk)
        assert order.shards.order_by("first")[0].first == 6
        work(order)

    nobody_twice_nobody_lost(order, crowd)


def stopped_by_it(order: BatchOrder, *, resumed: bool) -> None:
    """The verbs of the release before change the order alone."""
    with transaction.atomic():
        row = BatchOrder.objects.get(pk=order.pk)
        row.pause(because="")
        if resumed:
            row.resume(done=0, now=timezone.now())
        row.save()


@pytest.mark.parametrize("resumed", [False, True], ids=["paused", "and resumed"])
def test_what_it_stops_is_stopped(
    company: Company, divided: BatchOrder, crowd: list[Person], *, resumed: bool
) -> None:
    shards = due(divided)
    stopped_by_it(divided, resumed=resumed)

    batch_shards.run(shard_id=shards[0])

    assert not TokenRequest.objects.exists()
    assert not BatchShard.objects.exists()
    if not resumed:
        batch_orders.resume(actor=company.ada, order_id=divided.pk)
    work(divided)
    nobody_twice_nobody_lost(divided, crowd)


@pytest.mark.parametrize("ended", ["finished", "cancelled"])
@pytest.mark.parametrize("asker_is_out", [False, True], ids=["", "and who asked is out of office"])
def test_a_shard_of_an_order_that_it_has_ended_goes(
    company: Company, divided: BatchOrder, ended: str, *, asker_is_out: bool
) -> None:
    divided.lines.update(outcome="skipped" if ended == "finished" else "ready")
    BatchOrder.objects.filter(pk=divided.pk).update(state=ended)
    if asker_is_out:
        RoleAssignment.objects.filter(person=company.ada).delete()
    (shard, *_rest) = due(divided)

    batch_shards.run(shard_id=shard)

    assert not BatchShard.objects.exists()
    assert not TokenRequest.objects.exists()
    assert not AuditEvent.objects.filter(name__in=("batch.finished", "batch.paused")).exists()


def test_stopped_by_it_within_a_chunk_the_chunk_after_it_writes_nothing(
    divided: BatchOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote = chunk_size.ChunkSize.wrote

    def stops(pace: chunk_size.ChunkSize, began: float) -> None:
        wrote(pace, began)
        stopped_by_it(divided, resumed=False)

    monkeypatch.setattr(chunk_size.ChunkSize, "wrote", stops)
    batch_shards.run(shard_id=due(divided)[0])

    assert outcomes(divided).count("enabled") == 5


def test_two_who_write_the_same_lines_change_them_once(
    company: Company, divided: BatchOrder, crowd: list[Person]
) -> None:
    """For the moment in which it takes an order up that it has stopped within a chunk of ours."""
    rows, offer = divided.lines.order_by("position")[:5], bulk_enable.catalogue_snapshot(None)
    first, second = (
        bulk_enable.prepare_chunk(divided, list(rows.all()), asker=company.ada, offer=offer)
        for _time in range(2)
    )
    for each in (first, second):
        with transaction.atomic():
            bulk_enable.write_chunk(divided, each)

    work(divided)
    nobody_twice_nobody_lost(divided, crowd)
