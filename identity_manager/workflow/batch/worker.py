"""Worker of batch orders: dry run of a new order, division of a running one.

The worker leases the order, and each transaction renews the lease first: if it is lost, because the order was
stopped or another worker holds it, the transaction changes nothing. A dead worker leaves committed chunks
only; the sweep continues when the lease ends.
"""

import time
import uuid
from functools import partial

from django.db import transaction
from django.utils import timezone

from identity_manager.models import BatchOrder, BatchState
from identity_manager.transactions import locking
from identity_manager.transactions.retry_later import retry_later_on_error
from identity_manager.workflow.batch import chunk_size
from identity_manager.workflow.batch import division as batch_division
from identity_manager.workflow.batch.dry_run import DryRun


def run(*, order_id: uuid.UUID) -> bool:
    """Work on the order until the time limit; False where another worker holds it or nothing is due.

    Any exception is stored on the order, which is retried later.
    """
    with transaction.atomic():
        claim = BatchOrder.objects.claim(order_id, now=timezone.now())
    if claim is None:
        return False
    order = BatchOrder.objects.select_related("asked_by").prefetch_related("types").get(pk=order_id)
    if order.state == BatchState.CHECKING:
        dry_run = DryRun(order, claim, chunk_size.chunk_size_of(order))
        with retry_later_on_error(dry_run.put_off):
            dry_run.work(until=time.monotonic() + chunk_size.WORK_SECONDS)
    else:
        with retry_later_on_error(partial(_put_off, order_id, claim)):
            batch_division.divide(order_id=order_id, claim=claim)
    return True


def _put_off(order_id: uuid.UUID, claim: uuid.UUID, error: Exception) -> None:
    with transaction.atomic():
        order = locking.batch_order(order_id)
        if order.is_held_by(claim):
            order.settle_later(f"{type(error).__name__}: {error}"[:2000], now=timezone.now())
            order.save()
