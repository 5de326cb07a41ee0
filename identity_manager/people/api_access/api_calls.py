"""Verbs on the calls that clients of the API make under idempotency keys."""

from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from identity_manager.models import ApiClient, IdempotentCall

KEPT = timedelta(days=7)


def begin(client: ApiClient, *, key: str, request_sha256: str) -> tuple[IdempotentCall, bool]:
    """Get or insert the call under this idempotency key, in the caller's transaction; whether it is new.

    Of two concurrent calls the second waits for the first one's commit (unique key), and gets its row.
    """
    mine = IdempotentCall(client=client, key=key, request_sha256=request_sha256, created_at=timezone.now())
    IdempotentCall.objects.bulk_create([mine], ignore_conflicts=True)
    call = IdempotentCall.objects.get(client=client, key=key)
    return call, call.pk == mine.pk


def settle(call: IdempotentCall, *, status: int, headers: Mapping[str, str], body: str) -> None:
    """Store the answer, in the same transaction."""
    row = IdempotentCall.objects.filter(pk=call.pk)
    row.update(status=status, headers=dict(headers), body=body)


def forget_old() -> int:
    """Job: delete the calls whose keys are older than KEPT; return how many."""
    deleted, _by_model = IdempotentCall.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return deleted
