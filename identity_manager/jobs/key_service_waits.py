"""Wake what waits for a key service or HSM: due again as soon as each key in use answers."""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from identity_manager.models import Certificate, SoftwareToken, Target, Webhook
from identity_manager.models.lease import LeasedQuerySet
from identity_manager.transactions import locking
from identity_manager.vault import key_references
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KeyServiceDown

AT_ONCE = 500  # of a kind in each run; the sweep puts 200 of them at a time into a queue
WAITING: dict[str, Callable[[], LeasedQuerySet[Certificate | SoftwareToken | Target | Webhook]]] = {
    "certificates": Certificate.objects.waiting_for_keys,
    "tokens": SoftwareToken.objects.waiting_for_keys,
    "targets": Target.objects.waiting_for_keys,
    "webhooks": Webhook.objects.waiting_for_keys,
}


def wake() -> int:
    """Job: make due what waits, if every key elsewhere that this process wraps with answers; how many.

    While one does not, nothing is woken: each row has its own next attempt, within an hour.
    """
    now = timezone.now()
    late = [rows().filter(leased_until=None, next_attempt_at__gt=now) for rows in WAITING.values()]
    waiting = [rows for rows in late if rows.exists()]
    return sum(map(_make_due, waiting)) if waiting and keys_answer() else 0


def keys_answer() -> bool:
    """Whether every key elsewhere that this process wraps with answers; False where there is none."""
    keys = vault.keys_elsewhere()
    try:
        return bool(keys) and all(map(key_references.works, keys))
    except KeyServiceDown:
        return False


def _make_due(rows: LeasedQuerySet[Certificate | SoftwareToken | Target | Webhook]) -> int:
    with transaction.atomic():
        found = locking.skip_locked(rows.order_by("next_attempt_at"), limit=AT_ONCE)
        due = rows.model.objects.filter(pk__in=found)
        return due.update(next_attempt_at=timezone.now(), nudged_at=None)
