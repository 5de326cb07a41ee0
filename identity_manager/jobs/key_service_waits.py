"""Recovery of a key service or HSM: rows that wait for it are due again as soon as each key in use answers.

A row that fails once more while they answer needs another key: an older version that is closed, say, or one
that the service's policy does not name. It is not woken again, and has its own next attempt, within an hour.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from identity_manager.models import Certificate, Placement, SoftwareToken, Webhook
from identity_manager.models.lease import LeasedQuerySet
from identity_manager.transactions import locking
from identity_manager.vault import key_references
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KeyServiceDown

Waiting = LeasedQuerySet[Certificate | SoftwareToken | Placement | Webhook]
AT_ONCE = 500  # of a kind in each run; the sweep puts 200 of them at a time into a queue
WAITING: dict[str, Callable[[], Waiting]] = {
    "certificates": Certificate.objects.waiting_for_keys,
    "tokens": SoftwareToken.objects.waiting_for_keys,
    "placements": Placement.objects.waiting_for_keys,
    "webhooks": Webhook.objects.waiting_for_keys,
}
OF_VERSIONS: dict[str, Callable[[], Waiting]] = {
    "certificates": Certificate.objects.waiting_for_key_versions,
    "tokens": SoftwareToken.objects.waiting_for_key_versions,
    "placements": Placement.objects.waiting_for_key_versions,
    "webhooks": Webhook.objects.waiting_for_key_versions,
}
ANSWER_SINCE = "key-service-waits.since"  # in the cache: when the keys in use were found to answer again
LONGEST_ATTEMPT = timedelta(seconds=30)  # which began before then, and failed after


def wake() -> int:
    """Job: make due what waits, if every key elsewhere that this process wraps with answers; how many.

    While one does not, nothing is woken: each row has its own next attempt, within an hour.
    """
    now = timezone.now()
    kinds = (*WAITING.values(), *OF_VERSIONS.values())
    late = [rows().filter(leased_until=None, next_attempt_at__gt=now) for rows in kinds]
    waiting = [rows for rows in late if rows.exists()]
    if not waiting:
        return 0
    if not keys_answer():
        cache.delete(ANSWER_SINCE)
        return 0
    edge = _answer_since(now) + LONGEST_ATTEMPT
    return sum(_make_due(rows.filter(last_error_at__lt=edge)) for rows in waiting)


def keys_answer() -> bool:
    """Whether every key elsewhere that this process wraps with answers; False where there is none."""
    keys = vault.keys_elsewhere()
    try:
        return bool(keys) and all(map(key_references.works, keys))
    except KeyServiceDown:
        return False


def _answer_since(now: datetime) -> datetime:
    """The moment since which the key services answer, noted by the first who finds that they do.

    It is in the cache: if that is lost, the waiting rows are woken once more.
    """
    cache.add(ANSWER_SINCE, now, timeout=None)
    since: datetime = cache.get(ANSWER_SINCE, now)
    return since


def _make_due(rows: Waiting) -> int:
    with transaction.atomic():
        found = locking.skip_locked(rows.order_by("next_attempt_at"), limit=AT_ONCE)
        due = rows.model.objects.filter(pk__in=found)
        return due.update(next_attempt_at=timezone.now(), nudged_at=None)
