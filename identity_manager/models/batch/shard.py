"""Shards of a batch order that runs: several workers carry it out at once, each in one of its own."""

import uuid
from typing import Self

from django.db import models
from django.db.models import F, Q

from identity_manager.models.batch.order import BatchOrder
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import BrieflyLeasedQuerySet, Leased


class BatchShardQuerySet(BrieflyLeasedQuerySet["BatchShard"]):
    def held(self, shard: "BatchShard", claim: uuid.UUID) -> Self:
        """The shard, as long as this claim holds and its order is carried out in shards.

        Code of the release before stops an order, and takes it as a whole, without knowing of shards.
        """
        order = BatchOrder.objects.divided().filter(pk=shard.order_id)
        return self.filter(pk=shard.pk, claim_id=claim, order__in=order.values("pk"))

    def waiting(self, order_id: uuid.UUID) -> Self:
        """Those whose turn has not come, in the order of the batch."""
        return self.filter(order_id=order_id, next_attempt_at=None).order_by("first")

    def at_work(self) -> Self:
        """Those of any order whose turn has come, and that no fault delays."""
        return self.filter(next_attempt_at__isnull=False, last_error="")

    def with_fault(self, order_id: uuid.UUID) -> Self:
        """Those that a fault delays, first the one that is tried again first."""
        return self.filter(order_id=order_id).exclude(last_error="").order_by("next_attempt_at")


class BatchShard(Leased):
    """The lines of an order from one position to another, both included; the lease is of who works there.

    It is there for as long as there may be somebody to enable in it: whoever stops the order deletes it, and
    nothing is written in a shard that is gone. Lines of others than READY are passed over. pace is how many
    persons at once have turned out to be right in the shard before it.
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
