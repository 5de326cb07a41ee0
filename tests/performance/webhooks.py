"""How many webhooks a worker sends in a second: sealed events to an HTTPS server on loopback.

Reading, signing, TLS, and a row for each delivery are timed together; the server answers at once.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings

from identity_manager.audit import sealing
from identity_manager.events import delivering
from identity_manager.models import AuditEvent, WebhookDelivery, WebhookDeliveryState
from tests.identity_manager.events.webhook_acts import made
from tests.tools import webhook_receiver


def measured(number: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder, webhook_receiver.running(Path(folder)) as receiver:
        settings.WEBHOOK_ALLOWED_NETWORKS, settings.WEBHOOK_CA_FILE = ["127.0.0.0/8"], receiver.trusted
        seconds = sent(receiver.address, number)
    delivered = WebhookDelivery.objects.filter(state=WebhookDeliveryState.DELIVERED).count()
    if delivered != number:
        raise RuntimeError(f"Only {delivered} of {number} were delivered.")
    return {"figures": {"webhooks_per_s": number / seconds}}


def sent(address: str, number: int) -> float:
    """Seconds until the webhook has got so many events."""
    row, _secret = made(address, kinds=("request.approved",))
    AuditEvent.objects.bulk_create(
        [AuditEvent(name="request.approved", facts={"number": each}) for each in range(number)]
    )
    while sealing.seal():
        pass
    began = time.perf_counter()
    delivering.wake()
    while row.deliveries.exclude(state="delivered").exists() or not row.deliveries.exists():
        delivering.deliver(webhook_id=row.pk)
    return time.perf_counter() - began
