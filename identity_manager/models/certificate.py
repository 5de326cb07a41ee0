"""Certificates: what a CA issued for one key of a token."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from ca_bridge.contract import RevocationReason
from ca_bridge.fields import BytesField
from ca_bridge.issuing import CertificateFacts
from ca_bridge.models import CaOrder
from ca_bridge.state import Stateful, state_constraint
from identity_manager.models.certificate_profile import CertificateProfile
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet
from identity_manager.models.token_request import RequestState

REVOCATION_REASONS = [
    (RevocationReason.UNSPECIFIED.value, _("no particular reason")),
    (RevocationReason.KEY_COMPROMISE.value, _("key lost, stolen or seen by others")),
    (RevocationReason.AFFILIATION_CHANGED.value, _("name, e-mail or organisation changed")),
    (RevocationReason.SUPERSEDED.value, _("replaced by a newer one")),
    (RevocationReason.CESSATION_OF_OPERATION.value, _("no longer needed")),
    (RevocationReason.PRIVILEGE_WITHDRAWN.value, _("right to use it withdrawn")),
]


class CertificateState(models.TextChoices):
    ORDERED = "ordered", _("Ordered")
    VALID = "valid", _("Valid")
    ON_HOLD = "on_hold", _("On hold")
    REVOKED = "revoked", _("Revoked")
    EXPIRED = "expired", _("Expired")
    REFUSED = "refused", _("Refused")


C = CertificateState


class CertificateQuerySet(LeasedQuerySet["Certificate"]):
    def to_be_issued(self) -> Self:
        """Ordered certificates of a living request."""
        return self.filter(state=C.ORDERED, token__request__state=RequestState.ISSUING)

    def left_behind(self) -> Self:
        """Ordered certificates of an ended request whose CA may have issued all the same."""
        return self.filter(state=C.ORDERED, order__isnull=False).exclude(
            token__request__state__in=(RequestState.ISSUING, RequestState.FAILED)
        )

    def to_be_revoked(self) -> Self:
        """Certificates whose revocation was decided and has not reached the CA yet."""
        return self.filter(state__in=(C.VALID, C.ON_HOLD), revocation_decided_at__isnull=False)


class Certificate(Stateful, Leased):
    """One certificate and, until its token is sealed, its wrapped private key.

    The lease columns serve issuance while it is ordered and revocation once that was decided.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token = models.ForeignKey(
        "identity_manager.SoftwareToken", on_delete=models.PROTECT, related_name="certificates"
    )
    profile = models.ForeignKey(CertificateProfile, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)
    state = FSMField(max_length=16, choices=CertificateState.choices, default=C.ORDERED, protected=True)
    private_key_wrapped = BytesField(null=True)
    public_key_sha256 = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 unique needs null
    order = models.OneToOneField(CaOrder, null=True, on_delete=models.PROTECT, related_name="+")
    orders_made = models.PositiveSmallIntegerField(default=0)
    certificate = BytesField(null=True)
    serial = models.CharField(max_length=40, blank=True)
    issuer = models.CharField(max_length=500, blank=True)
    subject = models.CharField(max_length=1000, blank=True)
    fingerprint_sha256 = models.CharField(max_length=64, blank=True)
    not_before = models.DateTimeField(null=True)
    not_after = models.DateTimeField(null=True)
    revocation_reason = models.CharField(max_length=32, blank=True)
    revocation_decided_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    refusal = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [
            state_constraint(CertificateState, "certificate_state"),
            models.UniqueConstraint(
                fields=["issuer", "serial"],
                condition=~Q(serial=""),
                name="certificate_serial_once_per_issuer",
            ),
            models.UniqueConstraint(fields=["token", "profile"], name="certificate_once_per_profile"),
        ]
        indexes = [models.Index(fields=["next_attempt_at"], name="certificate_due")]

    def __str__(self) -> str:
        return self.subject or str(self.profile)

    @property
    def der(self) -> bytes:
        """The certificate. Raises ValueError as long as none was issued."""
        if self.certificate is None:
            raise ValueError("This certificate has not been issued.")
        return self.certificate

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The issuers in DER, nearest first, without the root."""
        return self.order.chain if self.order else ()

    @transition(field=state, source=C.ORDERED, target=C.VALID)
    def issue(self, *, certificate: bytes, facts: CertificateFacts) -> None:
        """The CA issued it and it says what was asked for."""
        self.certificate = certificate
        self.serial = facts.serial_hex
        self.issuer = facts.issuer
        self.subject = facts.subject
        self.fingerprint_sha256 = facts.sha256_fingerprint
        self.not_before = facts.not_before
        self.not_after = facts.not_after

    @transition(field=state, source=C.ORDERED, target=C.REFUSED)
    def refuse(self, *, reason: str) -> None:
        """The CA said no for good, or the request ended before it was asked."""
        self.refusal = reason

    @transition(field=state, source=C.REFUSED, target=C.ORDERED)
    def order_again(self, *, now: datetime) -> None:
        """An officer has it tried again, with a new key and a new order."""
        self.refusal = ""
        self.private_key_wrapped = None
        self.public_key_sha256 = None
        self.order = None
        self.work_is_due(now)

    @transition(field=state, source=[C.VALID, C.ON_HOLD], target=C.REVOKED)
    def revoke(self, *, now: datetime) -> None:
        """The CA has revoked it, for the reason that was decided."""
        self.revoked_at = now

    def decide_revocation(self, *, reason: RevocationReason, now: datetime) -> None:
        """It is to be revoked at the CA; the work is due now."""
        self.revocation_reason = reason.value
        self.revocation_decided_at = now
        self.private_key_wrapped = None
        self.work_is_due(now)
