"""Webhooks: endpoints that receive chosen audit events, and their deliveries."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import state_constraint
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet
from identity_manager.models.people.role import Role
from identity_manager.models.second_officer import (
    ConsentState,
    SecondOfficerQuerySet,
    StatefulDecision,
    four_eyes,
)

BREAK_AFTER = 3  # failures in a row after which an endpoint rests


class WebhookFormat(models.TextChoices):
    STANDARD = "standard", _("JSON, signed (Standard Webhooks)")
    TEAMS = "teams", _("Microsoft Teams workflow")
    SLACK = "slack", _("Slack")


class WebhookSignature(models.TextChoices):
    """The names are those of Standard Webhooks."""

    V1 = "v1", _("v1: HMAC-SHA256 with a shared secret")
    V1A = "v1a", _("v1a: Ed25519, checked with a public key")


class WebhookQuerySet(  # type: ignore[override]  # managers of both bases: this class makes its own
    LeasedQuerySet["Webhook"], SecondOfficerQuerySet["Webhook"]
):
    def in_use(self) -> Self:
        """Webhooks that receive events: confirmed and not ended."""
        return self.filter(state=ConsentState.CONFIRMED, stopped_at=None)

    def idle(self, now: datetime) -> Self:
        """Webhooks that may be made due at once: nothing is due, and they do not rest after failures."""
        return self.filter(Q(next_attempt_at=None) | Q(next_attempt_at__gt=now, failures__lt=BREAK_AFTER))


class Webhook(Leased, StatefulDecision):
    """An endpoint: one System Administrator makes it, another one confirms it.

    kinds: names of audit events, or `request.*`, or `*`. with_persons: whether names and words about persons
    are sent. address_wrapped: always a secret, because addresses of Teams and Slack are; shown_address: what
    pages show of it. secret_wrapped: the key of the signatures; the former one signs too until former_until.
    number: of the last audit event that was looked at. failures: in a row.
    """

    DECIDER = Role.SYSTEM_ADMINISTRATOR

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60)
    format = models.CharField(max_length=16, choices=WebhookFormat)
    kinds = models.JSONField(default=list)
    with_persons = models.BooleanField(default=False)
    shown_address = models.CharField(max_length=300)
    address_wrapped = BytesField()
    signature = models.CharField(max_length=8, choices=WebhookSignature, default=WebhookSignature.V1)
    secret_wrapped = BytesField()
    former_secret_wrapped = BytesField(null=True)
    former_until = models.DateTimeField(null=True)
    number = models.BigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    stopped_at = models.DateTimeField(null=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            state_constraint(ConsentState, "webhook_state"),
            four_eyes("webhook_four_eyes"),
            models.CheckConstraint(condition=Q(format__in=WebhookFormat.values), name="webhook_format"),
            models.CheckConstraint(
                condition=Q(signature__in=WebhookSignature.values), name="webhook_signature"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_in_use(self) -> bool:
        """As WebhookQuerySet.in_use, of a row that was read."""
        return bool(self.state == ConsentState.CONFIRMED) and self.stopped_at is None

    @property
    def rests(self) -> bool:
        """Whether it failed so often in a row that it is tried less often."""
        return self.failures >= BREAK_AFTER


class WebhookDeliveryState(models.TextChoices):
    WAITING = "waiting", _("Waits")
    DELIVERED = "delivered", _("Delivered")
    PARKED = "parked", _("Given up")


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def due(self, now: datetime) -> Self:
        """Deliveries to be tried now, in the order of their events."""
        return self.filter(state=WebhookDeliveryState.WAITING, next_attempt_at__lte=now).order_by("pk")


class WebhookDelivery(models.Model):
    """One message to one endpoint; its id is the webhook-id, the same at each try and each replay.

    event: the audit event; null in a test. status: the HTTP status of the last answer; error: why there was
    none, in our words: an answer's text could repeat a secret.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.UUIDField(null=True)
    kind = models.CharField(max_length=60)
    number = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(
        max_length=16, choices=WebhookDeliveryState, default=WebhookDeliveryState.WAITING
    )
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True)
    status = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="webhook_delivery_once"),
            models.CheckConstraint(
                condition=Q(state__in=WebhookDeliveryState.values), name="webhook_delivery_state"
            ),
        ]
        indexes = [
            models.Index(
                fields=["webhook", "next_attempt_at"],
                condition=Q(state="waiting"),
                name="webhook_delivery_due",
            ),
            models.Index(fields=["webhook", "id"], name="webhook_delivery_last"),
            models.Index(fields=["webhook"], condition=Q(state="parked"), name="webhook_delivery_parked"),
            models.Index(fields=["created_at"], name="webhook_delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def message_id(self) -> str:
        """The webhook-id: the same for each message about an event, also after this row was forgotten."""
        identifier = self.pk if self.event is None else uuid.uuid5(self.webhook_id, str(self.event))
        return f"msg_{identifier.hex}"
