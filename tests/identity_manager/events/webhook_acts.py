"""What tests of webhooks do again and again."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import time_machine
from django.utils import timezone

from identity_manager.events import delivering, webhook_secrets, webhooks
from identity_manager.events.webhooks import WebhookInput
from identity_manager.models import Person, Role, Webhook, WebhookFormat
from tests.tools import cast


def administrators() -> tuple[Person, Person]:
    roles = (Role.SYSTEM_ADMINISTRATOR,)
    return (
        Person.objects.filter(personnel_number="P-sven").first() or cast.person("sven", roles=roles, sid=""),
        Person.objects.filter(personnel_number="P-sara").first() or cast.person("sara", roles=roles, sid=""),
    )


def made(address: str, kinds: tuple[str, ...] = ("request.*",), **more: Any) -> tuple[Webhook, str]:
    """A webhook that two officers agreed on, with what its receiver got."""
    one, other = administrators()
    given = {"format": WebhookFormat.STANDARD, **more}
    wanted = WebhookInput(name="Ticketing", address=address, kinds=list(kinds), **given)
    row, secret = webhooks.make(actor=one, wanted=wanted)
    webhooks.confirm(actor=other, webhook_id=row.pk)
    return row, secret


def deliver(row: Webhook, *, at: datetime | timedelta | None = None) -> Webhook:
    """What the workers do by and by, now or later."""
    if at is not None:
        moment = timezone.now() + at if isinstance(at, timedelta) else at
        with time_machine.travel(moment):
            return deliver(row)
    delivering.wake()
    delivering.deliver(webhook_id=row.pk)
    return Webhook.objects.get(pk=row.pk)


def waiting_webhook() -> uuid.UUID:
    """It waits for another System Administrator."""
    asker = Person.objects.create(
        personnel_number="ASKED-2", given_name="Nils", surname="Ask", display_name="Nils Ask"
    )
    row = Webhook(
        name="Ticketing",
        format=WebhookFormat.STANDARD,
        kinds=["request.*"],
        shown_address="https://tickets.example/hooks",
        asked_by=asker,
    )
    row.address_wrapped = webhook_secrets.wrap(b"https://tickets.example/hooks", row.pk)
    row.secret_wrapped = webhook_secrets.wrap(webhook_secrets.new_key(), row.pk)
    row.save()
    return row.pk
