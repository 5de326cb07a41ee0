"""How many webhooks a worker sends in a second: sealed events to an HTTPS server on loopback.

    python -m tests.performance.webhooks --events 2000 --out FILE

Reading, signing, TLS, and a row for each delivery are timed together; the server answers at once.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import django

from tests.performance import place


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    place.make_database_anew(dict(os.environ))
    django.setup()
    with tempfile.TemporaryDirectory() as folder:
        options.out.write_text(json.dumps(measured(options.events, Path(folder))), encoding="utf-8")


def measured(number: int, folder: Path) -> dict[str, Any]:
    from django.conf import settings
    from django.core.management import call_command

    from identity_manager.models import WebhookDelivery, WebhookDeliveryState
    from tests.tools import webhook_receiver

    call_command("migrate", verbosity=0)
    with webhook_receiver.running(folder) as receiver:
        settings.WEBHOOK_ALLOWED_NETWORKS, settings.WEBHOOK_CA_FILE = ["127.0.0.0/8"], receiver.trusted
        seconds = sent(receiver.address, number)
    delivered = WebhookDelivery.objects.filter(state=WebhookDeliveryState.DELIVERED).count()
    if delivered != number:
        raise RuntimeError(f"Only {delivered} of {number} were delivered.")
    return {"events": number, "seconds": seconds}


def sent(address: str, number: int) -> float:
    """Seconds until the webhook has got so many events."""
    from identity_manager.audit import sealing
    from identity_manager.events import delivering
    from identity_manager.models import AuditEvent
    from tests.identity_manager.events.webhook_acts import made

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


if __name__ == "__main__":
    main()
