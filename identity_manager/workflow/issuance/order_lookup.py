"""Find the certificate of a CA order."""

import uuid

from ca_bridge.models import CaOrder
from identity_manager.models import Certificate


def certificate_of(order: CaOrder) -> Certificate | None:
    """Return the certificate that an order was made for, also an order that a retry has replaced."""
    certificate_id, _dot, _number = order.idempotency_key.partition(".")
    return Certificate.objects.filter(pk=uuid.UUID(certificate_id)).first()
