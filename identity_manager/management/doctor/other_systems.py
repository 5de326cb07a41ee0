"""Checks of SIEM sinks and webhooks: how far behind they are, and why."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from identity_manager.events import forwarding
from identity_manager.management.doctor.check_result import CheckResult, ok, warning
from identity_manager.models import AuditEvent, SiemSink, Webhook, WebhookDeliveryState

LATE = timedelta(minutes=10)
REMEDY = "ADMIN, Other systems; docs/how-to/siem.md."
REMEDY_WEBHOOKS = "ADMIN, Other systems; docs/how-to/webhooks.md."


def siem() -> Iterator[CheckResult]:
    """Number of sealed events by which each sink of SIEM_SINKS is behind."""
    if not settings.SIEM_SINKS:
        yield ok("The settings have no SIEM.")
    for name, sink in settings.SIEM_SINKS.items():
        row = SiemSink.objects.filter(name=name).first() or SiemSink(name=name)
        waiting = forwarding.behind(row)
        if row.last_error:
            yield warning(f"{name}: {waiting} events wait. {row.last_error}", REMEDY)
        elif waiting and _is_late(row):
            yield warning(f"{name}: {waiting} events wait, the oldest for more than ten minutes.", REMEDY)
        else:
            yield ok(f"{name} ({sink.address}): confirmed up to #{row.number}, {waiting} events wait.")


def _is_late(row: SiemSink) -> bool:
    """Whether the oldest event that is not confirmed has waited too long."""
    oldest = AuditEvent.objects.sealed().filter(number__gt=row.number).first()
    return oldest is not None and oldest.at < timezone.now() - LATE


def webhooks() -> Iterator[CheckResult]:
    """Failing and parked deliveries of each webhook."""
    rows = list(Webhook.objects.in_use())
    if not rows:
        yield ok("No webhook is in use.")
    for row in rows:
        parked = row.deliveries.filter(state=WebhookDeliveryState.PARKED).count()
        if row.last_error:
            yield warning(f"{row.name}: {row.last_error}", REMEDY_WEBHOOKS)
        elif parked:
            yield warning(f"{row.name}: {parked} deliveries were given up.", REMEDY_WEBHOOKS)
        else:
            yield ok(f"{row.name}: takes what it is sent.")
