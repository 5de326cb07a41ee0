"""Carries out the lines of one shard of a batch order, in chunks, resumable.

The worker leases the shard, and each transaction renews the lease first: if it is lost, because the order was
stopped (its shards are gone) or another worker holds it, the transaction changes nothing. It never locks the
order, so whoever stops the order waits for the current chunk, without a deadlock. A dead worker leaves
committed chunks only; another worker continues when the lease ends.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import queue, task_names
from identity_manager.models import BatchLine, BatchOrder, BatchShard, LineOutcome, Person
from identity_manager.models.batch.line import BatchLineQuerySet
from identity_manager.models.batch.shard import BatchShardQuerySet
from identity_manager.models.lease import BRIEF_LEASE
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason
from identity_manager.transactions.retry_later import retry_later_on_error
from identity_manager.workflow.batch import askers, chunk_size, kinds, line_outcomes, pacing
from identity_manager.workflow.batch import division as batch_division
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch.kinds.kind import Acts

FAULTS_BEFORE_SKIPPING = 3

FAULT = Reason("batch-fault", _("A fault kept this from being done. The log of the worker names it."))


def run(*, shard_id: uuid.UUID) -> bool:
    """Work on the shard until the time limit; False where another worker holds it, or it is gone.

    Any exception is stored on the shard, which is retried later.
    """
    with transaction.atomic():
        claim = BatchShard.objects.claim(shard_id, now=timezone.now())
    rows = BatchShard.objects.select_related("order").prefetch_related("order__types")
    shard = rows.filter(pk=shard_id, claim_id=claim).first() if claim else None
    if claim is None or shard is None:
        return False
    kind = kinds.kind_of(shard.order)
    acts = kind.way.acts(shard.order, kind.subject)
    worker = Worker(shard, claim, chunk_size.chunk_size_of(shard), acts)
    with retry_later_on_error(worker.put_off):
        worker.work(until=time.monotonic() + chunk_size.WORK_SECONDS)
    return True


@dataclass
class Worker:
    """Holder of the shard's lease. acts: what carries lines out; chunk: lines in progress."""

    shard: BatchShard
    claim: uuid.UUID
    pace: chunk_size.ChunkSize
    acts: Acts
    chunk: Sequence[BatchLine] = ()

    @property
    def order(self) -> BatchOrder:
        return self.shard.order

    def work(self, *, until: float) -> None:
        """Carry out chunks until all are done, the order is stopped or rests, or the time is over."""
        while self._do_some():
            if time.monotonic() > until:
                self._hand_on(timezone.now())
                return

    def put_off(self, error: Exception) -> None:
        """Schedule a retry; a single line that causes repeated faults is skipped."""
        with transaction.atomic():
            shard = locking.batch_shard(self._held())
            if shard is None:
                return
            if len(self.chunk) == 1 and shard.attempts >= FAULTS_BEFORE_SKIPPING:
                _skip(BatchLine.objects.get(pk=self.chunk[0].pk))
                shard.settle_lease()
                shard.work_is_due(timezone.now())
            else:
                shard.settle_later(f"{type(error).__name__}: {error}"[:2000], now=timezone.now())
            shard.save()

    def _do_some(self) -> bool:
        """Carry out one chunk; False at the end, where the order rests, or where the lease is lost."""
        self.chunk = ()  # a later exception is not caused by these lines
        asker = askers.asker_of(self.order)
        if not askers.gives_orders(asker, office=self.order.office):
            self._stop()
            return False
        allowed = pacing.allowance(self.order, now=timezone.now())
        if allowed.next_at is not None and self._ready().exists():
            self._hand_on(allowed.next_at)
            return False
        self.acts.begin_chunk()
        size = self.pace.size if allowed.number is None else min(self.pace.size, allowed.number)
        ready = list(self._ready()[: size + 1])
        self.chunk, more = ready[:size], ready[size:]
        if self.chunk and not self._write(asker):
            return False
        if not more:
            self._end()
        return bool(more)

    def _write(self, asker: Person) -> bool:
        """Write the chunk; False where the lease is lost."""
        prepared = self.acts.plan_chunk(self.chunk, asker=asker)
        self.pace.rest()
        began = time.monotonic()
        with transaction.atomic():
            renewed = self._renew()
            if renewed:
                self.acts.write(prepared)
        if renewed:
            self.pace.wrote(began)
        else:
            self._clear_up()
        self.chunk = ()
        return renewed

    def _clear_up(self) -> None:
        with transaction.atomic():
            batch_division.drop_shards(locking.batch_order(self.order.pk))

    def _ready(self) -> BatchLineQuerySet:
        reach = (self.shard.first, self.shard.last)
        return BatchLine.objects.ready(self.order.pk).filter(position__range=reach)

    def _held(self) -> BatchShardQuerySet:
        return BatchShard.objects.held(self.shard, self.claim)

    def _renew(self) -> bool:
        """First statement of each transaction: renew the lease if still held."""
        return bool(self._held().update(leased_until=timezone.now() + BRIEF_LEASE, last_error=""))

    def _end(self) -> None:
        """The shard is done: start the next one, or finish the order."""
        with transaction.atomic():
            order = locking.batch_order(self.order.pk)
            if self._held().delete()[0]:
                batch_division.start_waiting_shards(order, pace=self.pace.found)
            else:
                batch_division.drop_shards(order)

    def _stop(self) -> None:
        """Pause the order, because the asker has lost the role; officers see the reason."""
        with transaction.atomic():
            order = locking.batch_order(self.order.pk)
            if self._held().exists():
                batch_orders.hold(order, actor=None, because=batch_orders.ASKER_CANNOT.code)
            else:
                batch_division.drop_shards(order)

    def _hand_on(self, due: datetime) -> None:
        """End the lease; the next task is due then. The sweep publishes one that is not due now."""
        with transaction.atomic():
            shard = locking.batch_shard(self._held())
            if shard is not None:
                shard.settle_lease()
                shard.work_is_due(due)
                shard.save()
                if due <= timezone.now():
                    queue.after_commit(task_names.RUN_BATCH_SHARD, shard.pk)


def _skip(line: BatchLine) -> None:
    line.outcome, line.types = LineOutcome.SKIPPED, []
    line.reasons += line_outcomes.one_reason(FAULT)
    line.settled_at = timezone.now()
    line.save()
