"""Shards of a running batch order: ranges of lines that workers lease and carry out in parallel."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q

from identity_manager.models.batch.order import BatchOrder
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import BrieflyLeasedQuerySet, Leased


class BatchShardQuerySet(BrieflyLeasedQuerySet["BatchShard"]):
    def held(self, shard: "BatchShard", claim: uuid.UUID) -> Self:
        """The shard, while this claim holds and its order is divided.

        Code of the previous release stops an order, or takes it whole, without deleting shards.
        """
        order = BatchOrder.objects.divided().filter(pk=shard.order_id)
        return self.filter(pk=shard.pk, claim_id=claim, order__in=order.values("pk"))

    def waiting(self, order_id: uuid.UUID) -> Self:
        """Shards that are not started, in order."""
        return self.filter(order_id=order_id, next_attempt_at=None).order_by("first")

    def at_work(self, now: datetime) -> Self:
        """Started shards of any order that neither a fault nor the order's pacing delays."""
        return self.filter(next_attempt_at__lte=now, last_error="")

    def with_fault(self, order_id: uuid.UUID) -> Self:
        """Shards that a fault delays, the earliest retry first."""
        return self.filter(order_id=order_id).exclude(last_error="").order_by("next_attempt_at")


class BatchShard(Leased):
    """The lines of an order from `first` to `last`, both included; the lease is that of the worker.

    The row exists while there may be lines to carry out: stopping the order deletes it, and nothing is
    written for a shard that is gone. Lines that are not READY are skipped. pace: the chunk size that proved
    right before.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(BatchOrder, on_delete=models.CASCADE, related_name="shards")
    first = models.PositiveIntegerField()
    last = models.PositiveIntegerField()
    pace = models.PositiveIntegerField(null=True)

    objects = BatchShardQuerySet.as_manager()

    class Meta:
        db_table = "identity_manager_batchstretch"  # code of release 1.0 knows it by this name
        constraints = [
            models.UniqueConstraint(fields=["order", "first"], name="batch_stretch_once"),
            models.CheckConstraint(condition=Q(first__lte=F("last")), name="batch_stretch_forward"),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="batch_stretch_due",
                condition=Q(next_attempt_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"
