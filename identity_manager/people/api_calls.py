"""Verbs on the calls that clients of the API make under idempotency keys."""

from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from identity_manager.models import ApiClient, IdempotentCall

KEPT = timedelta(days=7)


def begin(client: ApiClient, *, key: str, request_sha256: str) -> tuple[IdempotentCall, bool]:
    """The call under this key, and whether it is new, in the caller's transaction.

    Of two at once the second waits until the first has committed, and gets its row.
    """
    return IdempotentCall.objects.get_or_create(
        client=client, key=key, defaults={"request_sha256": request_sha256, "created_at": timezone.now()}
    )


def settle(call: IdempotentCall, *, status: int, headers: Mapping[str, str], body: str) -> None:
    """Store the answer, in the same transaction."""
    call.status, call.headers, call.body = status, dict(headers), body
    call.save(update_fields=["status", "headers", "body"])


def forget_old() -> int:
    """Job: delete the calls whose keys are older than KEPT; return how many."""
    deleted, _by_model = IdempotentCall.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return deleted
