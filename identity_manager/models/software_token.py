"""Software tokens: one line of a request, and what becomes of it."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from ca_bridge.fields import BytesField
from ca_bridge.state import Stateful, state_constraint
from identity_manager.models.certificate import Certificate, CertificateState
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet
from identity_manager.models.person import Person
from identity_manager.models.token_request import RequestKind, RequestState, TokenRequest
from identity_manager.models.token_type import TokenType

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from identity_manager.models.container import Container


class TokenState(models.TextChoices):
    ORDERED = "ordered", _("Ordered")
    ISSUING = "issuing", _("Being issued")
    SEALED = "sealed", _("Sealed")
    ACTIVE = "active", _("Active")
    LAPSED = "lapsed", _("Lapsed")
    ON_HOLD = "on_hold", _("On hold")
    REVOKED = "revoked", _("Revoked")
    EXPIRED = "expired", _("Expired")
    REPLACED = "replaced", _("Replaced")
    CANCELLED = "cancelled", _("Cancelled")


T = TokenState
UNDER_WAY = (T.ORDERED, T.ISSUING, T.SEALED)
IN_USE = (T.SEALED, T.ACTIVE, T.ON_HOLD)


class DeliveryState(models.TextChoices):
    NONE = "none", _("Not yet")
    QUEUED = "queued", _("Waits to be sent")
    SENT = "sent", _("Sent")
    BOUNCED = "bounced", _("Came back")
    FETCHED = "fetched", _("Fetched from the portal")


class SoftwareTokenQuerySet(LeasedQuerySet["SoftwareToken"]):
    def to_be_sealed(self) -> Self:
        """Tokens of a living request, all of whose certificates are there."""
        unfinished = Certificate.objects.filter(token=OuterRef("pk")).exclude(state=CertificateState.VALID)
        return self.filter(~Exists(unfinished), state=T.ISSUING, request__state=RequestState.ISSUING)

    def with_unacknowledged_passphrase(self) -> Self:
        """Tokens whose passphrase still exists."""
        return self.exclude(passphrase_wrapped=None)

    def overdue(self, now: datetime) -> Self:
        """Tokens whose passphrase was not noted in time."""
        return self.filter(state=T.SEALED, passphrase_destroy_at__lte=now).exclude(passphrase_wrapped=None)

    def visible_under_certificates(self) -> Self:
        """Tokens that were handed out, whatever became of them."""
        return self.exclude(state__in=(T.ORDERED, T.ISSUING, T.CANCELLED))


class SoftwareToken(Stateful, Leased):
    """A token: certificates and keys of one type for one person.

    Person, kind and the open flag stand here too, so that the database can hold that a person has at
    most one open line per type and kind. snapshot is what was asked for and approved (workflow.snapshot).
    The lease columns serve the sealing.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.ForeignKey(TokenRequest, on_delete=models.PROTECT, related_name="tokens")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="tokens")
    token_type = models.ForeignKey(TokenType, on_delete=models.PROTECT, related_name="tokens")
    type_code = models.SlugField(max_length=40)
    kind = models.CharField(max_length=16, choices=RequestKind)
    is_open = models.BooleanField(default=True)
    snapshot = models.JSONField()
    state = FSMField(max_length=16, choices=TokenState.choices, default=TokenState.ORDERED, protected=True)
    delivery = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.NONE)
    delivered_at = models.DateTimeField(null=True)
    passphrase_wrapped = BytesField(null=True)
    passphrase_shown = models.PositiveIntegerField(default=0)
    passphrase_shown_at = models.DateTimeField(null=True)
    passphrase_destroy_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    sealed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    certificates: "RelatedManager[Certificate]"
    containers: "RelatedManager[Container]"
    objects = SoftwareTokenQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        constraints = [
            state_constraint(TokenState, "software_token_state"),
            models.CheckConstraint(
                condition=Q(delivery__in=DeliveryState.values), name="software_token_delivery"
            ),
            models.UniqueConstraint(
                fields=["person", "type_code", "kind"],
                condition=Q(is_open=True),
                name="software_token_one_open_line",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None) | Q(passphrase_wrapped=None),
                name="software_token_noted_is_destroyed",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="software_token_due"),
            models.Index(fields=["state", "passphrase_destroy_at"], name="software_token_passphrase"),
        ]

    def __str__(self) -> str:
        return str(self.token_type)

    @property
    def is_finished(self) -> bool:
        return self.state not in UNDER_WAY

    @transition(field=state, source=T.ORDERED, target=T.ISSUING)
    def start(self) -> None:
        """The terms are accepted: its certificates are being issued."""

    @transition(field=state, source=T.ISSUING, target=T.SEALED)
    def seal(self, *, passphrase_wrapped: bytes, destroy_at: datetime, now: datetime) -> None:
        """Its containers are built under a fresh passphrase."""
        self.passphrase_wrapped = passphrase_wrapped
        self.passphrase_destroy_at = destroy_at
        self.sealed_at = now
        self.delivery = DeliveryState.QUEUED

    @transition(field=state, source=T.SEALED, target=T.ACTIVE)
    def complete(self) -> None:
        """Delivered and acknowledged."""
        self.is_open = False

    @transition(field=state, source=T.SEALED, target=T.LAPSED)
    def lapse(self, *, reason: str, now: datetime) -> None:
        """The passphrase was never noted; it is destroyed and the certificates are revoked."""
        self._end(reason, now)

    @transition(field=state, source=[T.ORDERED, T.ISSUING], target=T.CANCELLED)
    def cancel(self, *, reason: str, now: datetime) -> None:
        """The request ended before the token was handed out."""
        self._end(reason, now)

    @transition(field=state, source=[T.ISSUING, T.SEALED, T.ACTIVE, T.ON_HOLD], target=T.REVOKED)
    def revoke(self, *, reason: str, now: datetime) -> None:
        """The token is not to be trusted any more."""
        self._end(reason, now)

    def _end(self, reason: str, now: datetime) -> None:
        self.passphrase_wrapped = None
        self.is_open = False
        self.reason = reason
        self.ended_at = now
        self.settle_lease()
