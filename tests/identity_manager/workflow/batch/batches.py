"""The workers of batch orders, for tests that look at an order between two messages."""

import uuid

from django.utils import timezone

from identity_manager.models import BatchOrder, BatchShard
from identity_manager.workflow.batch import shards as batch_shards
from identity_manager.workflow.batch import worker as batch_run


def work(order: BatchOrder) -> bool:
    """Do what is due of the order, until nothing new comes up; whether there was anything."""
    worked = batch_run.run(order_id=order.pk)
    while shards := due(order):
        for pk in shards:
            batch_shards.run(shard_id=pk)
        worked = True
    return worked


def due(order: BatchOrder) -> list[uuid.UUID]:
    """The shards that a message would have worked in now, in the order of the batch."""
    rows = BatchShard.objects.filter(order=order).due(timezone.now())
    return list(rows.order_by("first").values_list("pk", flat=True))
