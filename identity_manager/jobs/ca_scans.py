"""Jobs on orders at CAs: revoke surplus certificates, look up doubtful and refused orders."""

from collections import Counter

from django.utils import timezone

from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder
from ca_bridge.orders import reconciliation
from identity_manager.transactions.time_limit import within_time_limit
from identity_manager.workflow.issuance import surplus

ORDERS_AT_ONCE = 50


def revoke_surplus() -> int:
    """Job: revoke surplus certificates; those that fail stay for the next run.

    Least recently tried first, so that a failing CA does not starve the others.
    """
    revoked = 0
    orders = CaOrder.objects.with_surplus(timezone.now()).values_list("pk", flat=True)
    for order_id in within_time_limit(orders[:ORDERS_AT_ONCE]):
        try:
            revoked += surplus.revoke_of_order(order_id)
        except CaError:
            continue
    return revoked


def compare_with_cas() -> str:
    """Job: look up doubtful and refused orders at their CAs (reconciliation); the results in words."""
    found: Counter[str] = Counter()
    for order_id in within_time_limit(reconciliation.due(limit=ORDERS_AT_ONCE)):
        try:
            result = reconciliation.compare(order_id, record=surplus.record_found)
        except CaError as error:
            found[error.words] += 1
            continue
        if result is not None:
            found[str(result.label)] += 1
    return "; ".join(f"{number}: {words}" for words, number in found.items())
