"""Reconciliation of orders that were in doubt or refused: surplus at the CA is flagged for revocation.

Also after such an order is settled: a CA may issue long after an attempt without an answer, or for an order
that it has refused, and a worker may crash with the answer. Open orders are left to the worker that sends
them. Proven in tests/ca_bridge/orders/test_reconciliation.py.
"""

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.connection.exception_boundary import repeatable_edge
from ca_bridge.contract import Connector, FindsAll, FindsOrders
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder
from ca_bridge.orders import journal, results
from ca_bridge.orders.results import OnSurplus, nobody
from ca_bridge.x509.certificates import describe

Comparison = CaOrder.Comparison
FOUND_LATER = "found when the journal was compared with the CA"


def due(*, limit: int) -> list[UUID]:
    """The orders due for reconciliation, the longest due first."""
    orders = CaOrder.objects.to_be_compared(timezone.now())
    return list(orders.values_list("pk", flat=True)[:limit])


def compare(order_id: UUID, *, record: OnSurplus = nobody) -> CaOrder.Comparison | None:
    """Reconcile one order with its CA; None if that is not possible (yet).

    record: called for each certificate that is flagged now, in the transaction that flags it.
    Call it outside any transaction. Raises CaError; then it is retried later.
    """
    order = journal.get(order_id)
    try:
        return _compared(order, record)
    except CaError:
        _put_off(order_id, for_good=False)
        raise


def _compared(order: CaOrder, record: OnSurplus) -> CaOrder.Comparison | None:
    connector = registry.reached(order.ca) if order.ca in registry.aliases() else None
    searchable = isinstance(connector, FindsAll | FindsOrders)
    if connector is None or not searchable or order.state in CaOrder.OPEN:
        # A CA that is missing from the settings may come back.
        _put_off(order.pk, for_good=connector is not None and not searchable)
        return None
    with repeatable_edge():
        found = {each for each in _at(connector, order) if _is_for(order, each, connector)}
    with transaction.atomic():
        return _note(journal.locked(order.pk), found, record)


def _at(connector: Connector, order: CaOrder) -> Iterator[bytes]:
    if isinstance(connector, FindsAll):
        yield from map(bytes, connector.find_all(order.request))
    elif isinstance(connector, FindsOrders):
        answer = connector.find(order.request)
        if answer is not None:
            yield bytes(answer.certificate)


def _note(order: CaOrder, found: set[bytes], record: OnSurplus) -> CaOrder.Comparison:
    surplus = found - {order.certificate}
    for certificate in sorted(surplus):
        results.flag(order, certificate, FOUND_LATER, on_surplus=record)
    if surplus:
        result = Comparison.SURPLUS
    elif order.state == CaOrder.State.ISSUED and order.certificate not in found:
        result = Comparison.MISSING
    else:
        result = Comparison.AGREES
    journal.note_comparison(order, result)
    return result


def _is_for(order: CaOrder, certificate: bytes, connector: Connector) -> bool:
    """Whether a found certificate is the order's: by its key, as a search may return orders of others."""
    try:
        facts = describe(certificate)
    except CaError:
        return False
    by_number = getattr(connector, "finds_by_number", False)
    return by_number or facts.public_key_sha256 == order.public_key_sha256


def _put_off(order_id: UUID, *, for_good: bool) -> None:
    with transaction.atomic():
        order = journal.locked(order_id)
        if for_good:
            order.compare_at = None
            order.save()
        else:
            journal.note_comparison(order, None)
