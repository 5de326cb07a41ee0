"""Divides a running batch order into shards, several of which are worked on in parallel.

Always with the order locked, so that it is divided once, stopped as a whole, and finished once. The previous
release works on a whole order under its lease; a divided order is never due for it.
"""

import uuid
from collections.abc import Iterable
from itertools import islice

from django.db import connection, transaction
from django.utils import timezone

from identity_manager import audit, queue, task_names
from identity_manager.models import BatchLine, BatchOrder, BatchShard, BatchState, LineOutcome
from identity_manager.transactions import locking
from identity_manager.workflow.batch import approver_mails
from identity_manager.workflow.batch import orders as batch_orders

LINES_PER_SHARD = 250  # a second or two of work, then other tasks of the queue run
MAX_PARALLEL_SHARES = 3  # leaves one of the embedded worker's four threads
MAX_PARALLEL_SHARES_SQLITE = 1


def parallelism() -> int:
    """Number of shards worked on in parallel; one on SQLite, where two would leave other writers no gap."""
    return MAX_PARALLEL_SHARES if connection.features.has_select_for_update else MAX_PARALLEL_SHARES_SQLITE


def divide(*, order_id: uuid.UUID, claim: uuid.UUID) -> None:
    """Create shards of all lines that are still ready, and start the first ones."""
    ready = BatchLine.objects.ready(order_id).values_list("position", flat=True)
    with transaction.atomic():
        order = locking.batch_order(order_id)
        if not order.is_held_by(claim) or order.state != BatchState.RUNNING:
            return
        order.shards.all().delete()  # left over by the previous release, which does not know shards
        BatchShard.objects.bulk_create(shards_of(order, ready.iterator(chunk_size=2000)))
        order.settle_lease()
        order.save()
        start_waiting_shards(order)


def shards_of(order: BatchOrder, positions: Iterable[int]) -> list[BatchShard]:
    """Disjoint shards that cover all positions (ascending), of which one part at a time is in memory."""
    rest, shards = iter(positions), []
    while part := list(islice(rest, LINES_PER_SHARD)):
        shards.append(BatchShard(order=order, first=part[0], last=part[-1]))
    return shards


def start_waiting_shards(order: BatchOrder, *, pace: int | None = None) -> None:
    """Enqueue waiting shards up to the parallelism; finish the order if none is left.

    pace: chunk size found so far. The caller has locked the order, in the transaction that changes its
    shards.
    """
    for shard in BatchShard.objects.waiting(order.pk)[: _free_workers(order)]:
        shard.pace = pace
        shard.work_is_due(timezone.now())
        shard.save()
        queue.after_commit(task_names.RUN_BATCH_SHARD, shard.pk)
    if not order.shards.exists():
        _finish(order)


def _free_workers(order: BatchOrder) -> int:
    """Parallel shards are divided among orders; each order gets at least one, so that none starves.

    Two orders that count at the same moment may be off by one until their next shard. An order with a rate
    has one shard at a time, so that its lines are counted by one worker.
    """
    if order.rate is not None:
        return 0 if order.shards.exclude(next_attempt_at=None).exists() else 1
    taken = list(BatchShard.objects.at_work(timezone.now()).values_list("order_id", flat=True))
    return max(parallelism() - len(taken), 0 if order.pk in taken else 1)


def drop_shards(order: BatchOrder) -> None:
    """Delete the shards of a locked order that is not divided any more.

    Whoever stops an order does so at once, except for the previous release.
    """
    if not order.is_divided:
        order.shards.all().delete()


def _finish(order: BatchOrder) -> None:
    counts = batch_orders.counts_of(order)
    if counts.get(LineOutcome.READY):  # in no shard: continue, so that nobody is skipped silently
        order.work_is_due(timezone.now())
        order.save()
        queue.after_commit(task_names.RUN_BATCH_ORDER, order.pk)
        return
    order.finish(counts=counts, now=timezone.now())
    order.save()
    approver_mails.tell(order)
    audit.record(audit.Event.BATCH_FINISHED, actor=None, subject=None, batch=str(order.pk), counts=counts)
