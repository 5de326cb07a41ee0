"""Find the certificate of a CA order."""

import uuid

from ca_bridge.models import CaOrder
from identity_manager.models import Certificate


def certificate_of(order: CaOrder) -> Certificate | None:
    """For what an order was made; also an earlier one, in whose place a retry has put another."""
    certificate_id, _dot, _number = order.idempotency_key.partition(".")
    return Certificate.objects.filter(pk=uuid.UUID(certificate_id)).first()
