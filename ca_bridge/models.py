"""The journal's rows: what was asked of which CA, and what came back. Never a private key."""

import base64
import uuid
from dataclasses import asdict
from typing import Any, Self

import uuid6
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from ca_bridge.certificates import CertificateFacts
from ca_bridge.contract import CertificateContent, CertificateOrder, Issued, Pending, Refused, Unknown
from ca_bridge.fields import BytesField
from ca_bridge.state import Stateful


def new_order_id() -> uuid.UUID:
    """Return a new UUIDv7 (RFC 9562 5.7) as the plain UUID that database adapters know."""
    return uuid.UUID(int=uuid6.uuid7().int)


class CaOrderQuerySet(models.QuerySet["CaOrder"]):
    """Questions about orders."""

    def with_surplus(self) -> Self:
        """Orders with a certificate that was issued, is not used, and is not revoked yet."""
        return self.filter(surplus__revoked_at=None, surplus__isnull=False).distinct()

    def parked(self) -> Self:
        """Orders of which nobody knows whether the CA has issued."""
        return self.filter(state=CaOrder.State.UNKNOWN)


CaOrderManager = models.Manager.from_queryset(CaOrderQuerySet)


class CaOrder(Stateful):
    """One certificate, asked of one CA under one idempotency key. Attempts are rows of their own."""

    class State(models.TextChoices):
        """prepared, then asked until the CA has answered."""

        PREPARED = "prepared", _("prepared")
        ASKED = "asked", _("asked")
        ISSUED = "issued", _("issued")
        PENDING = "pending", _("pending")
        REFUSED = "refused", _("refused")
        UNKNOWN = "unknown", _("unknown")

    OPEN = (State.PREPARED, State.ASKED, State.PENDING, State.UNKNOWN)
    ANSWERABLE = (State.ASKED, State.PENDING, State.UNKNOWN)

    id = models.UUIDField(primary_key=True, default=new_order_id, editable=False)
    idempotency_key = models.CharField(max_length=100, unique=True)
    ca = models.CharField(max_length=100)
    ca_profile = models.CharField(max_length=200, blank=True)
    csr = BytesField()
    content = models.JSONField()
    public_key_sha256 = BytesField(max_length=32, unique=True)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    state = FSMField(default=State.PREPARED, choices=State.choices, protected=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    handle = models.TextField(blank=True)
    ask_not_before = models.DateTimeField(null=True, blank=True)
    certificate = BytesField(default=b"", blank=True)
    chain_base64 = models.JSONField(default=list, blank=True)
    serial_hex = models.CharField(max_length=40, blank=True)
    issuer = models.CharField(max_length=1000, blank=True)
    error = models.TextField(blank=True)
    detail = models.TextField(blank=True)

    objects = CaOrderManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    state__in=["prepared", "asked", "issued", "pending", "refused", "unknown"]
                ),
                name="ca_order_state_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="issued") | models.Q(serial_hex__gt="", issuer__gt=""),
                name="ca_order_issued_has_certificate",
            ),
            models.UniqueConstraint(
                fields=["issuer", "serial_hex"],
                condition=models.Q(serial_hex__gt=""),
                name="ca_order_serial_per_issuer",
            ),
        ]

    @property
    def serial(self) -> int | None:
        """The serial number of the certificate, where there is one."""
        return int(self.serial_hex, 16) if self.serial_hex else None

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The issuers of the certificate (DER), nearest first, without the root."""
        return tuple(base64.b64decode(each) for each in self.chain_base64)

    @property
    def certificate_content(self) -> CertificateContent:
        """What was ordered, as a value."""
        return CertificateContent.from_json(self.content)

    @property
    def request(self) -> CertificateOrder:
        """The order as connectors get it, the same at each try."""
        return CertificateOrder(
            idempotency_key=self.idempotency_key,
            csr=self.csr,
            content=self.certificate_content,
            ca_profile=self.ca_profile,
            not_before=self.not_before,
            not_after=self.not_after,
        )

    @transition(field=state, source=[State.PREPARED, *ANSWERABLE], target=State.ASKED)
    def mark_asked(self) -> None:
        """The CA is about to be asked."""

    @transition(field=state, source=ANSWERABLE, target=State.ISSUED)
    def mark_issued(self, answer: Issued, facts: CertificateFacts) -> None:
        """The CA has issued, and what it issued is what was ordered."""
        self.certificate = answer.certificate
        self.chain_base64 = [base64.b64encode(each).decode() for each in answer.chain]
        self.serial_hex, self.issuer = facts.serial_hex, facts.issuer
        self.error = self.detail = ""

    @transition(field=state, source=ANSWERABLE, target=State.PENDING)
    def mark_pending(self, answer: Pending) -> None:
        """The CA decides later."""
        self.handle, self.ask_not_before = answer.handle, answer.not_before
        self.error = self.detail = ""

    @transition(field=state, source=OPEN, target=State.REFUSED)
    def mark_refused(self, answer: Refused) -> None:
        """The CA said no for good, or issued something else than was ordered, or was never asked."""
        self.error, self.detail = answer.message, answer.detail

    @transition(field=state, source=ANSWERABLE, target=State.UNKNOWN)
    def mark_unknown(self, answer: Unknown) -> None:
        """Nobody knows whether the CA has issued."""
        self.detail = answer.detail


def content_as_json(content: CertificateContent) -> dict[str, Any]:
    """Return a content as the journal's column holds it."""
    return asdict(content)


class CaAttempt(models.Model):
    """One time that a CA was asked. Without answered_at: no answer has been journalled, perhaps a crash."""

    class Outcome(models.TextChoices):
        """What came of it; fault: a passing one, the CA has surely not issued."""

        ISSUED = "issued", _("issued")
        PENDING = "pending", _("pending")
        REFUSED = "refused", _("refused")
        UNKNOWN = "unknown", _("unknown")
        FAULT = "fault", _("passing fault")

    order = models.ForeignKey(CaOrder, on_delete=models.CASCADE, related_name="attempts")
    asked_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    detail = models.TextField(blank=True)

    class Meta:
        ordering = ["asked_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(answered_at=None, outcome="")
                | models.Q(
                    answered_at__isnull=False,
                    outcome__in=["issued", "pending", "refused", "unknown", "fault"],
                ),
                name="ca_attempt_answered_with_outcome",
            ),
        ]


class SurplusCertificate(models.Model):
    """A certificate that a CA issued and nobody uses: wrong, or one too many. It waits to be revoked."""

    order = models.ForeignKey(CaOrder, on_delete=models.CASCADE, related_name="surplus")
    certificate = BytesField()
    sha256_fingerprint = models.CharField(max_length=64, unique=True)
    reason = models.TextField()
    found_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True, blank=True)
