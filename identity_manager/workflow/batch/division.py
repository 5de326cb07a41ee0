"""Divides a batch order that runs into stretches, of which several are worked in at once.

Always with the order locked: so an order is divided once, stopped as a whole, and finished once. Code of the
release before takes an order by its lease, and works through all of it: what is divided is never due for it.
"""

import uuid
from collections.abc import Sequence

from django.db import connection, transaction
from django.utils import timezone

from identity_manager import audit, queue, task_names
from identity_manager.models import BatchLine, BatchOrder, BatchState, BatchStretch, LineOutcome
from identity_manager.transactions import locking
from identity_manager.workflow.batch import approver_mails
from identity_manager.workflow.batch import orders as batch_orders

LINES_PER_SHARE = 250  # of a stretch: a second or two, then others of the queue have their turn
MAX_PARALLEL_SHARES = 3  # stretches at a time: beside them one of the embedded worker's four threads is left
MAX_PARALLEL_SHARES_SQLITE = 1


def parallelism() -> int:
    """In how many stretches work goes on at a time.

    Where one writer keeps all others out (SQLite), two workers would leave those no gap to write in.
    """
    return MAX_PARALLEL_SHARES if connection.features.has_select_for_update else MAX_PARALLEL_SHARES_SQLITE


def divide(*, order_id: uuid.UUID, claim: uuid.UUID) -> None:
    """Put who is still to be enabled into stretches, and have the first ones worked in."""
    ready = list(BatchLine.objects.ready(order_id).values_list("position", flat=True))
    with transaction.atomic():
        order = locking.batch_order(order_id)
        if not order.is_held_by(claim) or order.state != BatchState.RUNNING:
            return
        order.stretches.all().delete()  # the release before stops an order and leaves them
        BatchStretch.objects.bulk_create(shares_of(order, ready))
        order.settle_lease()
        order.save()
        start_waiting_shares(order)


def shares_of(order: BatchOrder, positions: Sequence[int]) -> list[BatchStretch]:
    """None of them overlaps another, and together they hold all the positions, which are in order."""
    parts = [
        positions[begin : begin + LINES_PER_SHARE] for begin in range(0, len(positions), LINES_PER_SHARE)
    ]
    return [BatchStretch(order=order, first=part[0], last=part[-1]) for part in parts]


def start_waiting_shares(order: BatchOrder, *, pace: int | None = None) -> None:
    """Have stretches that wait worked in, in the lanes that are free; where none is left, finish the order.

    pace: how many persons at once have turned out to be right.
    The caller has locked the order, and its transaction is the one that changes which stretches there are.
    """
    for stretch in BatchStretch.objects.waiting(order.pk)[: _free_workers(order)]:
        stretch.pace = pace
        stretch.work_is_due(timezone.now())
        stretch.save()
        queue.after_commit(task_names.RUN_STRETCH, stretch.pk)
    if not order.stretches.exists():
        _finish(order)


def _free_workers(order: BatchOrder) -> int:
    """Orders share the lanes, and each has one at least: else nobody would ever begin with the last.

    Two orders that count in the same moment may take one too many or too few until their next stretch.
    """
    taken = list(BatchStretch.objects.at_work().values_list("order_id", flat=True))
    return max(parallelism() - len(taken), 0 if order.pk in taken else 1)


def drop_shares(order: BatchOrder) -> None:
    """Drop the stretches of a locked order, where it is not carried out in stretches.

    Who stops an order does it at once; the release before does not know of them.
    """
    if not order.is_divided:
        order.stretches.all().delete()


def _finish(order: BatchOrder) -> None:
    counts = batch_orders.counts_of(order)
    if counts.get(LineOutcome.READY):  # in no stretch: nobody is passed over without a word
        order.work_is_due(timezone.now())
        order.save()
        queue.after_commit(task_names.RUN, order.pk)
        return
    order.finish(counts=counts, now=timezone.now())
    order.save()
    approver_mails.tell(order)
    audit.record(audit.Event.BATCH_FINISHED, actor=None, subject=None, batch=str(order.pk), counts=counts)
