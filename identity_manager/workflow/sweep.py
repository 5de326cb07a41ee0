"""The sweep: what is due and was not done, because a message was lost or a worker died, is nudged again."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder
from identity_manager import outbox, queue
from identity_manager.models import Certificate, OutgoingMail, SoftwareToken
from identity_manager.models.lease import LeasedQuerySet
from identity_manager.workflow import revoke, step5_issue

NUDGES_AT_ONCE = 50

WORK: dict[str, Callable[[], LeasedQuerySet[Any]]] = {
    step5_issue.ISSUE: Certificate.objects.to_be_issued,
    step5_issue.SEAL: SoftwareToken.objects.to_be_sealed,
    step5_issue.CLEAR_UP: Certificate.objects.left_behind,
    revoke.REVOKE: Certificate.objects.to_be_revoked,
    outbox.SEND: OutgoingMail.objects.queued,
}


def sweep() -> int:
    """Publish the oldest due rows of each kind of work, a bounded number, each at most once a minute.

    A row whose lease ran out is due again. Returns how many were nudged.
    """
    nudged = list(_nudge_each_kind())
    for task, row_id in nudged:
        queue.publish(task, row_id)
    return len(nudged)


def _nudge_each_kind() -> Iterator[tuple[str, uuid.UUID]]:
    for task, rows in WORK.items():
        with transaction.atomic():
            nudged = rows().nudge(timezone.now(), limit=NUDGES_AT_ONCE)
        for row_id in nudged:
            yield task, row_id


def revoke_surplus() -> int:
    """Revoke what a CA issued beside what is used; what cannot be revoked now stays for the next time."""
    revoked = 0
    for order_id in CaOrder.objects.with_surplus().values_list("pk", flat=True)[:NUDGES_AT_ONCE]:
        try:
            revoked += issuing.revoke_surplus(order_id)
        except CaError:
            continue
    return revoked
