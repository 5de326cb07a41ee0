"""The sweep: enqueue due rows again whose message was lost or whose worker died.

WORK says which rows of which table belong to which task.
"""

from collections.abc import Callable
from typing import Any

from django.db import models, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ca_bridge.database.prepared_queries import Statement
from identity_manager import queue, task_names
from identity_manager.authorities import circuit_breaker
from identity_manager.models import (
    AuditCheck,
    BatchOrder,
    BatchShard,
    Certificate,
    DirectorySource,
    OutgoingMail,
    SiemSink,
    SoftwareToken,
    StandingOrder,
    Target,
    Webhook,
)
from identity_manager.models.lease import REQUEUE_INTERVAL, LeasedQuerySet
from identity_manager.transactions import locking

QUEUE_LIMIT = 200  # rows that wait in a queue, at most

# By queue, most urgent first. A kind gets at most half of the remaining room, the last one all of it.
WORK: dict[str, Callable[[], LeasedQuerySet[Any]]] = {
    task_names.REVOKE: Certificate.objects.to_be_revoked,
    task_names.HOLD: Certificate.objects.to_be_held_or_released,
    task_names.VERIFY_AUDIT_LOG: AuditCheck.objects.all,
    task_names.RESOLVE_ORPHAN: Certificate.objects.with_orphaned_order,
    task_names.SEAL: SoftwareToken.objects.to_be_sealed,
    task_names.ISSUE: circuit_breaker.to_be_issued,
    task_names.SEND_MAIL: OutgoingMail.objects.queued,
    task_names.RUN_BATCH_ORDER: BatchOrder.objects.all,
    task_names.RUN_BATCH_SHARD: BatchShard.objects.all,
    task_names.SERVE_TARGET: Target.objects.with_work,
    task_names.PLAN_STANDING_ORDER: StandingOrder.objects.at_work,
    task_names.READ_DIRECTORY: DirectorySource.objects.configured,
    task_names.FORWARD_LOG: SiemSink.objects.configured,
    task_names.DELIVER_WEBHOOKS: Webhook.objects.in_use,
}
# Their rows are named by the settings, or by the outages of the moment: their queries are made each time.
NOT_PREPARED = {
    task_names.ISSUE,
    task_names.SERVE_TARGET,
    task_names.READ_DIRECTORY,
    task_names.FORWARD_LOG,
}


def _one_of(rows: Callable[[], LeasedQuerySet[Any]]) -> Statement[Any]:
    """Prepared, because nothing is due mostly, and the sweep asks every five seconds."""

    def build(now: Any, quiet_since: Any) -> QuerySet[Any, Any]:
        due = rows().to_be_requeued(now, quiet_since=quiet_since)
        return due.order_by().values_list("pk", flat=True)[:1]

    return Statement(build, now=models.DateTimeField(), quiet_since=models.DateTimeField())


_ANY = {task: _one_of(rows) for task, rows in WORK.items() if task not in NOT_PREPARED}


def sweep() -> int:
    """Enqueue due rows without a lease, the oldest first; return how many.

    A row is enqueued at most once a minute, and a queue is filled up to QUEUE_LIMIT rows: an emptied
    broker is refilled as quickly as workers consume, and one without workers is not flooded. A message that
    waits counts as many rows as its task takes together, so that urgent mails wait for few. While the broker
    is down nothing is enqueued. A row whose lease has expired is due again. Mostly nothing is due: then the
    broker is not asked, and no transaction begins.
    """
    names = {task: queue.name_of(task) for task in WORK}
    last = {name: task for task, name in names.items()}
    room: dict[str, int] = {}
    requeued = 0
    for task in filter(_has_work, WORK):
        name = names[task]
        if name not in room:
            waiting = queue.length(name)
            if waiting is None:
                return requeued
            room[name] = max(0, QUEUE_LIMIT - waiting * task_names.TOGETHER.get(task, 1))
        share = room[name] if task == last[name] else (room[name] + 1) // 2
        published = _requeue(task, WORK[task](), limit=share)
        room[name] -= published
        requeued += published
    return requeued


def _has_work(task: str) -> bool:
    now = timezone.now()
    prepared = _ANY.get(task)
    if prepared is None:
        return WORK[task]().to_be_requeued(now).exists()
    return bool(prepared.rows(now=now, quiet_since=now - REQUEUE_INTERVAL))


def _requeue(task: str, rows: LeasedQuerySet[Any], *, limit: int) -> int:
    if not limit:
        return 0
    now = timezone.now()
    with transaction.atomic():
        ids = locking.skip_locked(rows.to_be_requeued(now), limit=limit)
        rows.model._default_manager.filter(pk__in=ids).update(nudged_at=now)
    queue.publish_all(task, ids)
    return len(ids)
