"""Webhook deliveries: a worker leases an endpoint, creates deliveries of new events, and sends those due.

Cursor and deliveries of an endpoint are written in one transaction, so that no event is lost. A failed
delivery is retried after five seconds, then with growing delay for 75 hours, then parked. After BREAK_AFTER
consecutive failures the circuit breaker of the endpoint opens.
"""

import time
import uuid
from contextlib import closing
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Min
from django.utils import timezone

from identity_manager import audit, queue
from identity_manager.events import forwarding, webhook_kinds, webhook_messages, webhook_secrets
from identity_manager.events.webhook_connection import GONE, Answer, Courier
from identity_manager.models import AuditEvent, Webhook, WebhookDelivery, WebhookDeliveryState, WebhookFormat
from identity_manager.models.events.webhook import BREAK_AFTER
from identity_manager.models.lease import lease_end
from identity_manager.task_names import DELIVER_WEBHOOKS
from identity_manager.vault.key_encryption import KeyServiceDown
from identity_manager.vault.wrapping import VaultError

RUN_SECONDS = 20  # limit of one run, as other tasks wait; the rest is published again at once
NUMBERS_AT_ONCE = 1000
DELIVERIES_AT_ONCE = 100
# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, retry schedule
DELAYS = tuple(timedelta(seconds=each) for each in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
RESTS = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1))
MOST_RETRY_AFTER = 3600
EVENT_REMOVED = "The event was removed from the audit log after its time."
KEPT = timedelta(days=30)


def wake() -> int:
    """Make due and publish each webhook with new events; return how many."""
    now, end, woken = timezone.now(), forwarding.last_number(), 0
    for pk in Webhook.objects.in_use().idle(now).filter(number__lt=end).values_list("pk", flat=True):
        if Webhook.objects.in_use().idle(now).filter(pk=pk).update(next_attempt_at=now):
            queue.after_commit(DELIVER_WEBHOOKS, pk)
            woken += 1
    return woken


def deliver(*, webhook_id: uuid.UUID) -> None:
    """Lease the endpoint, send due deliveries, schedule the next run. Does nothing if it is not due."""
    with transaction.atomic():
        claim_id = Webhook.objects.in_use().claim(webhook_id, now=timezone.now())
    if claim_id is None:
        return
    row = Webhook.objects.get(pk=webhook_id)
    try:
        address = webhook_secrets.unwrap(row.address_wrapped, row.pk).decode()
        with closing(Courier(address)) as courier:
            _Run(row, claim_id, courier, address).go()
    except (VaultError, KeyServiceDown) as error:
        said = type(error).__name__ if isinstance(error, KeyServiceDown) else str(error)[:200]
        now = timezone.now()
        _settle(row.pk, claim_id, last_error=said, last_error_at=now, next_attempt_at=now + RESTS[-1])


class _Run:
    """One run of a worker for one endpoint."""

    def __init__(self, row: Webhook, claim_id: uuid.UUID, courier: Courier, address: str) -> None:
        self.row, self.claim_id, self.courier, self.address = row, claim_id, courier, address
        self.signer = webhook_secrets.Signer(row, timezone.now())
        self.until = time.monotonic() + RUN_SECONDS

    def go(self) -> None:
        while time.monotonic() < self.until:
            more = _take_new_events(self.row.pk, self.claim_id)
            due = list(self.row.deliveries.due(timezone.now())[:DELIVERIES_AT_ONCE])
            if more is None or not (more or due):
                break
            for delivery in due:
                if time.monotonic() >= self.until:
                    break
                if not self._deliver(delivery):
                    return
        _settle(self.row.pk, self.claim_id, next_attempt_at=_next_time(self.row.pk))

    def _deliver(self, delivery: WebhookDelivery) -> bool:
        """Send one; False where the run ends: the endpoint rests, is gone, or is another worker's."""
        message = _message(delivery, with_persons=self.row.with_persons)
        if message is None:
            _settle_delivery(delivery, state=WebhookDeliveryState.PARKED, error=EVENT_REMOVED)
            return True
        answer = self.courier.post(*self._signed(delivery, message))
        if answer.status == GONE:
            _settle_delivery(delivery, **_failed(delivery, answer))
            _end_gone(self.row.pk, self.claim_id)
            return False
        if answer.is_ok:
            _settle_delivery(delivery, state=WebhookDeliveryState.DELIVERED, status=answer.status, error="")
        else:
            _settle_delivery(delivery, **_failed(delivery, answer))
        return _count(self.row.pk, self.claim_id, answer)

    def _signed(
        self, delivery: WebhookDelivery, message: webhook_messages.Data
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers; the timestamp and with it the signature are new at each try."""
        body = webhook_messages.body(message, form=self.row.format, address=self.address)
        headers = {"Content-Type": "application/json", "User-Agent": "identity-manager"}
        if self.row.format == WebhookFormat.STANDARD:
            moment = int(timezone.now().timestamp())
            headers["webhook-id"] = delivery.message_id
            headers["webhook-timestamp"] = str(moment)
            headers["webhook-signature"] = self.signer.sign(
                message_id=delivery.message_id, timestamp=moment, body=body
            )
        return body, headers


def _take_new_events(webhook_id: uuid.UUID, claim_id: uuid.UUID) -> int | None:
    """Create deliveries of events after the cursor; return how far it moved, None if the lease was lost."""
    end = forwarding.last_number()
    with transaction.atomic():
        row = Webhook.objects.in_use().filter(pk=webhook_id, claim_id=claim_id).first()
        if row is None:
            return None
        last = min(end, row.number + NUMBERS_AT_ONCE)
        if last <= row.number:
            return 0
        moved = Webhook.objects.filter(pk=row.pk, claim_id=claim_id, number=row.number).update(number=last)
        events = AuditEvent.objects.sealed().filter(
            number__gt=row.number, number__lte=last, name__in=webhook_kinds.expand(row.kinds)
        )
        if moved:
            WebhookDelivery.objects.bulk_create(
                [
                    WebhookDelivery(webhook=row, event=pk, kind=name, number=number)
                    for pk, name, number in events.values_list("pk", "name", "number")
                ],
                ignore_conflicts=True,
            )
        return last - row.number if moved else None


def _message(delivery: WebhookDelivery, *, with_persons: bool) -> webhook_messages.Data | None:
    """The content of the body, from the present audit event; None if that was deleted."""
    if delivery.event is None:
        return webhook_messages.of_test(delivery.kind, delivery.created_at)
    event = AuditEvent.objects.select_related("request", "actor", "person").filter(pk=delivery.event).first()
    return webhook_messages.of_event(event, with_persons=with_persons) if event else None


def _failed(delivery: WebhookDelivery, answer: Answer) -> dict[str, object]:
    """Columns after a failed try: time of the next one, or parked."""
    found: dict[str, object] = {"status": answer.status, "error": answer.error}
    if delivery.attempts >= len(DELAYS):
        return {**found, "state": WebhookDeliveryState.PARKED}
    wait = max(DELAYS[delivery.attempts], timedelta(seconds=min(answer.retry_after, MOST_RETRY_AFTER)))
    return {**found, "next_attempt_at": timezone.now() + wait}


def _settle_delivery(delivery: WebhookDelivery, **columns: object) -> None:
    """Store the result of a try, unless an officer has replayed the delivery meanwhile."""
    same = WebhookDelivery.objects.filter(
        pk=delivery.pk, attempts=delivery.attempts, state=WebhookDeliveryState.WAITING
    )
    same.update(attempts=F("attempts") + 1, answered_at=timezone.now(), **columns)


def _count(webhook_id: uuid.UUID, claim_id: uuid.UUID, answer: Answer) -> bool:
    """Renew the lease and count failures in a row; False where the endpoint rests or is another's by now."""
    ours = Webhook.objects.in_use().filter(pk=webhook_id, claim_id=claim_id)
    until = lease_end(timezone.now())
    if answer.is_ok:
        return bool(ours.update(failures=0, leased_until=until, last_error="", last_error_at=None))
    error = answer.error or f"It answered {answer.status}."
    ours.update(
        failures=F("failures") + 1, leased_until=until, last_error=error, last_error_at=timezone.now()
    )
    failures = ours.values_list("failures", flat=True).first()
    if failures is None:
        return False
    if failures < BREAK_AFTER and not answer.retry_after:
        return True
    rest = RESTS[min(max(failures - BREAK_AFTER, 0), len(RESTS) - 1)]
    rest = max(rest, timedelta(seconds=min(answer.retry_after, MOST_RETRY_AFTER)))
    _settle(webhook_id, claim_id, next_attempt_at=timezone.now() + rest)
    return False


def _end_gone(webhook_id: uuid.UUID, claim_id: uuid.UUID) -> None:
    """End the webhook after HTTP 410 (Gone)."""
    with transaction.atomic():
        now = timezone.now()
        if _settle(webhook_id, claim_id, stopped_at=now, last_error="It answered 410.", last_error_at=now):
            row = Webhook.objects.get(pk=webhook_id)
            audit.record(audit.Event.WEBHOOK_GONE, actor=None, subject=None, endpoint=row.name)


def _settle(webhook_id: uuid.UUID, claim_id: uuid.UUID, **columns: object) -> int:
    """End the lease, while it is ours."""
    released = {"claim_id": None, "leased_until": None, "next_attempt_at": None, **columns}
    settled = Webhook.objects.filter(pk=webhook_id, claim_id=claim_id).update(**released)
    due = columns.get("next_attempt_at")
    if settled and isinstance(due, datetime) and due <= timezone.now():
        queue.after_commit(DELIVER_WEBHOOKS, webhook_id)
    return settled


def _next_time(webhook_id: uuid.UUID) -> datetime | None:
    """Next time for the endpoint: now, if events are left; else the next try of a delivery, if any."""
    if Webhook.objects.filter(pk=webhook_id, number__lt=forwarding.last_number()).exists():
        return timezone.now()
    waiting = WebhookDelivery.objects.filter(webhook=webhook_id, state=WebhookDeliveryState.WAITING)
    found: datetime | None = waiting.aggregate(first=Min("next_attempt_at"))["first"]
    return found


def forget() -> int:
    """Delete deliveries from before KEPT, and former keys whose day is over; return how many."""
    now = timezone.now()
    Webhook.objects.filter(former_until__lte=now).update(former_secret_wrapped=None, former_until=None)
    old = WebhookDelivery.objects.exclude(state=WebhookDeliveryState.WAITING).filter(
        created_at__lt=now - KEPT
    )
    deleted, _by_model = WebhookDelivery.objects.filter(pk__in=old.values("pk")[:10_000]).delete()
    return deleted
