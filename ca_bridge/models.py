"""The journal of CA orders: what was ordered, and each attempt's outcome. Never a private key."""

import base64
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Self

import uuid6
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.contract import (
    CertificateContent,
    CertificateOrder,
    Issued,
    Pending,
    Refused,
    Unknown,
)
from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import StateField, Stateful
from ca_bridge.x509.certificates import CertificateFacts

# How often a CA without a revocation API is asked whether somebody has revoked there.
LOOK_AGAIN = timedelta(hours=1)


def new_order_id() -> uuid.UUID:
    """A new UUIDv7 (RFC 9562 5.7) as uuid.UUID."""
    return uuid.UUID(int=uuid6.uuid7().int)


class CaOrderQuerySet(models.QuerySet["CaOrder"]):
    """Queries over orders."""

    def with_surplus(self, now: datetime) -> Self:
        """Orders with surplus certificates to be revoked now, least recently tried first."""
        unrevoked = SurplusCertificate.objects.to_be_revoked(now)
        of_order = unrevoked.filter(order=models.OuterRef("pk")).order_by()
        tried = of_order.values("order").values(latest=models.Max("tried_at"))
        # Surplus rows are few: start from them instead of scanning orders.
        rows = self.filter(pk__in=unrevoked.values("order")).annotate(tried=models.Subquery(tried))
        return rows.order_by(models.F("tried").asc(nulls_first=True), "pk")

    def of_serial(self, issuer: str, serial_hex: str) -> Self:
        """Orders with this certificate; at most one."""
        # Repeats the partial index's condition, so that the planner uses it.
        return self.filter(issuer=issuer, serial_hex=serial_hex, serial_hex__gt="")

    def issued_of(self, keys: Iterable[str]) -> Self:
        """Issued orders with these idempotency keys."""
        return self.filter(idempotency_key__in=keys, state=CaOrder.State.ISSUED)

    def parked(self) -> Self:
        """Orders with an unknown outcome that wait for an officer."""
        return self.filter(parked_at__isnull=False)

    def to_be_compared(self, now: datetime) -> Self:
        """Orders with a past unknown outcome that are due for reconciliation, oldest first."""
        return self.filter(compare_at__lte=now).order_by("compare_at")


CaOrderManager = models.Manager.from_queryset(CaOrderQuerySet)


class CaOrder(Stateful):
    """One certificate ordered from one CA under one idempotency key, with its attempts."""

    class State(models.TextChoices):
        """prepared, then asked until the CA has answered."""

        PREPARED = "prepared", _("prepared")
        ASKED = "asked", _("asked")
        ISSUED = "issued", _("issued")
        PENDING = "pending", _("pending")
        REFUSED = "refused", _("refused")
        UNKNOWN = "unknown", _("unknown")

    class Search(models.TextChoices):
        """Result of the last search at the CA."""

        FOUND = "found", _("it was found")
        NOTHING = "nothing", _("nothing was found")
        FAILED = "failed", _("the CA would not be searched")
        IMPOSSIBLE = "impossible", _("this CA cannot be searched")

    class Comparison(models.TextChoices):
        """Result of the last reconciliation."""

        AGREES = "agrees", _("the CA has what the journal says")
        SURPLUS = "surplus", _("the CA had issued more than is used")
        MISSING = "missing", _("the CA does not know the certificate that is used")

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
    state = StateField(default=State.PREPARED, choices=State.choices, protected=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    handle = models.TextField(blank=True)
    ask_not_before = models.DateTimeField(null=True, blank=True)
    certificate = BytesField(default=b"", blank=True)
    chain_base64 = models.JSONField(default=list, blank=True)
    serial_hex = models.CharField(max_length=40, blank=True)
    issuer = models.CharField(max_length=1000, blank=True)
    error = models.TextField(blank=True)
    detail = models.TextField(blank=True)

    # Unknown outcome: search at the CA, park for an officer (who may have it asked again), reconcile later.
    searched_at = models.DateTimeField(null=True, blank=True)
    search = models.CharField(max_length=12, choices=Search.choices, blank=True, db_default="")
    parked_at = models.DateTimeField(null=True, blank=True)
    may_be_asked_again = models.BooleanField(default=False, db_default=False)
    compare_at = models.DateTimeField(null=True, blank=True)
    comparisons = models.PositiveSmallIntegerField(default=0, db_default=0)
    compared_at = models.DateTimeField(null=True, blank=True)
    comparison = models.CharField(max_length=12, choices=Comparison.choices, blank=True, db_default="")

    replaced_whole = frozenset({"content"})
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
        indexes = [
            models.Index(
                fields=["parked_at"],
                condition=models.Q(parked_at__isnull=False),
                name="ca_order_parked",
            ),
            models.Index(
                fields=["compare_at"],
                condition=models.Q(compare_at__isnull=False),
                name="ca_order_to_be_compared",
            ),
            # Not partial: SQLite cannot match a list of states with an index condition.
            models.Index(fields=["state", "ca", "created_at"], name="ca_order_state"),
        ]

    @property
    def is_parked(self) -> bool:
        """Whether it waits for an officer; as `CaOrderQuerySet.parked`."""
        return self.parked_at is not None

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
        """The ordered content."""
        return CertificateContent.from_json(self.content)

    @property
    def request(self) -> CertificateOrder:
        """The order in the form that connectors take."""
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
        self.parked_at, self.may_be_asked_again = None, False

    @transition(field=state, source=ANSWERABLE, target=State.ISSUED)
    def mark_issued(self, answer: Issued, facts: CertificateFacts) -> None:
        """The CA issued what was ordered."""
        self.certificate = answer.certificate
        self.chain_base64 = [base64.b64encode(each).decode() for each in answer.chain]
        self.serial_hex, self.issuer = facts.serial_hex, facts.issuer
        self.error = self.detail = ""
        self.parked_at = None

    @transition(field=state, source=ANSWERABLE, target=State.PENDING)
    def mark_pending(self, answer: Pending) -> None:
        """The CA decides later."""
        self.handle, self.ask_not_before = answer.handle, answer.not_before
        self.error = self.detail = ""
        self.parked_at = None

    @transition(field=state, source=OPEN, target=State.REFUSED)
    def mark_refused(self, answer: Refused) -> None:
        """Final refusal, or issued something else, or never asked."""
        self.error, self.detail = answer.message, answer.detail
        self.parked_at = None

    @transition(field=state, source=ANSWERABLE, target=State.UNKNOWN)
    def mark_unknown(self, answer: Unknown) -> None:
        """The outcome is unknown."""
        self.detail = answer.detail


def content_as_json(content: CertificateContent) -> dict[str, Any]:
    """The content in the form of the journal's column."""
    return asdict(content)


class CaAttemptQuerySet(models.QuerySet["CaAttempt"]):
    """Queries over attempts."""

    def in_trouble(self) -> Self:
        """Attempts that ended in a refusal, fault or unknown outcome, newest first."""
        return self.filter(outcome__in=CaAttempt.TROUBLE).order_by("-answered_at")


CaAttemptManager = models.Manager.from_queryset(CaAttemptQuerySet)


class CaAttempt(models.Model):
    """One attempt. answered_at is null while no answer is journalled, for example after a crash."""

    class Outcome(models.TextChoices):
        """Outcome of an attempt; fault: transient, the CA has certainly not issued."""

        ISSUED = "issued", _("issued")
        PENDING = "pending", _("pending")
        REFUSED = "refused", _("refused")
        UNKNOWN = "unknown", _("unknown")
        FAULT = "fault", _("passing fault")

    TROUBLE = (Outcome.REFUSED, Outcome.UNKNOWN, Outcome.FAULT)

    order = models.ForeignKey(CaOrder, on_delete=models.CASCADE, related_name="attempts")
    asked_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    detail = models.TextField(blank=True)

    objects = CaAttemptManager()

    class Meta:
        ordering = ["asked_at", "pk"]
        indexes = [
            models.Index(
                fields=["answered_at"],
                condition=models.Q(outcome__in=["refused", "unknown", "fault"]),
                name="ca_attempt_in_trouble",
            ),
        ]
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


class SurplusCertificateQuerySet(models.QuerySet["SurplusCertificate"]):
    """Queries over surplus certificates."""

    def unrevoked(self) -> Self:
        """Not yet revoked, while the certificate is stored."""
        return self.filter(revoked_at=None).exclude(certificate=b"")

    def to_be_revoked(self, now: datetime) -> Self:
        """To be revoked at the CA now; manual ones are checked every LOOK_AGAIN.

        Expired ones need no revocation.
        """
        looked_at = models.Q(by_hand_since__isnull=False, tried_at__gt=now - LOOK_AGAIN)
        return self.unrevoked().exclude(looked_at).exclude(not_after__lte=now)

    def for_manual_revocation(self, now: datetime) -> Self:
        """Surplus certificates for an officer to revoke at the CA: no revocation API, or refused for good.

        Expired ones need no revocation.
        """
        return self.unrevoked().filter(by_hand_since__isnull=False).exclude(not_after__lte=now)


SurplusCertificateManager = models.Manager.from_queryset(SurplusCertificateQuerySet)


class SurplusCertificate(models.Model):
    """A certificate that was issued but is not used (wrong, or one too many), to be revoked.

    by_hand_since: since when it must be revoked manually at the CA.  trouble: the CA's last error.
    not_after: expiry; null on rows of an earlier release until the next attempt.
    """

    order = models.ForeignKey(CaOrder, on_delete=models.CASCADE, related_name="surplus")
    certificate = BytesField()
    sha256_fingerprint = models.CharField(max_length=64, unique=True)
    reason = models.TextField()
    found_at = models.DateTimeField(default=timezone.now)
    tried_at = models.DateTimeField(null=True, blank=True)
    trouble = models.TextField(blank=True, db_default="")
    revoked_at = models.DateTimeField(null=True, blank=True)
    by_hand_since = models.DateTimeField(null=True, blank=True)
    not_after = models.DateTimeField(null=True, blank=True)

    objects = SurplusCertificateManager()

    def is_for_manual_revocation(self, now: datetime) -> bool:
        """Whether it must be revoked manually at the CA and is not yet, while it is stored and valid."""
        if self.by_hand_since is None or (self.not_after is not None and self.not_after <= now):
            return False
        return self.revoked_at is None and bool(self.certificate)
