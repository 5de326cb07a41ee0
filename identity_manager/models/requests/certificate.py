"""Certificates: order, wrapped key and issued certificate of one key of a token."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property
from django_fsm import transition

from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import StateField, state_constraint
from ca_bridge.issuing import CertificateFacts
from ca_bridge.models import CaOrder
from ca_bridge.x509 import strong_mapping
from identity_manager.models.catalogue.certificate_profile import CertificateProfile, CertificatePurpose
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import LeasedQuerySet
from identity_manager.models.people.person import PersonState
from identity_manager.models.requests.certificate_revocation import RevocationAndHold
from identity_manager.models.requests.certificate_states import NOT_ENDED, CertificateState
from identity_manager.models.requests.states import STILL_ISSUING, RequestKind, RequestState
from identity_manager.models.requests.token_states import HANDED_OUT, DeliveryState, TokenState

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager


C = CertificateState


# As `Certificate.is_usable`.
USABLE = Q(state=C.VALID, hold_wanted=False, held_at_ca=False, revocation_decided_at=None)


class CertificateQuerySet(LeasedQuerySet["Certificate"]):
    """Most of these rules stand in Python too, among the properties of Certificate and RevocationAndHold.

    tests/identity_manager/models/test_rules_agree.py compares the two over all states.
    """

    def usable(self) -> Self:
        """Certificates that are issued, not held, and not to be revoked."""
        return self.filter(USABLE)

    def to_be_issued(self) -> Self:
        """Ordered certificates of an issuing token in a living request of an Active person.

        The person is joined by way of the request, as in locking: under READ COMMITTED, PostgreSQL re-checks
        only the rows that it locked by that way after it had to wait.
        """
        issuing = Q(token__state=TokenState.ISSUING, token__request__state=RequestState.ISSUING)
        alive = self.filter(issuing, state=C.ORDERED)
        return alive.exclude(token__request__person__state=PersonState.INACTIVE)

    def with_orphaned_order(self) -> Self:
        """Ordered certificates of an ended request or token whose CA may have issued them."""
        wanted = Q(token__state=TokenState.ISSUING, token__request__state__in=STILL_ISSUING)
        return self.filter(state=C.ORDERED, order__isnull=False).exclude(wanted)

    def parked(self) -> Self:
        """Ordered certificates with an unknown outcome: an officer decides."""
        return self.filter(state=C.ORDERED, order__parked_at__isnull=False)

    def awaited(self) -> Self:
        """Ordered certificates that the CA is still expected to answer."""
        return self.filter(state=C.ORDERED).exclude(order__parked_at__isnull=False)

    def to_be_revoked(self) -> Self:
        """Certificates whose decided revocation has not reached the CA.

        Manual revocations too: some CAs can be polled for their status.
        """
        return self.filter(state__in=(C.VALID, C.ON_HOLD), revocation_decided_at__isnull=False)

    def not_on_crl(self, now: datetime) -> Self:
        """Revoked certificates that no CRL lists yet, as far as is known; a CRL leaves expired ones out.

        As the index says it: only `revoke` sets revoked_at. With the state SQLite would take another index.
        """
        return self.filter(revoked_at__isnull=False, on_crl_at__isnull=True, not_after__gt=now)

    def of_public_key(self, public_key_sha256: str) -> Self:
        """Certificates with this key, made here or imported. Two look-ups by index, which OR would spoil."""
        own = Certificate.objects.filter(public_key_sha256=public_key_sha256).order_by()
        imported = Certificate.objects.filter(imported__public_key_sha256=public_key_sha256).order_by()
        return self.filter(pk__in=own.values("pk").union(imported.values("pk")))

    def to_be_revoked_by_hand(self, now: datetime) -> Self:
        """Certificates to be revoked by hand at a CA without revocation, and not expired."""
        waiting = self.filter(state__in=(C.VALID, C.ON_HOLD), by_hand_since__isnull=False)
        return waiting.filter(not_after__gt=now).order_by("by_hand_since", "pk")

    def may_outlive_token(self) -> Self:
        """Living encryption-only certificates whose owner has the key.

        It was acknowledged, is at the targets, or came from another system with the token.
        """
        living = self.filter(state__in=NOT_ENDED, revocation_decided_at=None)
        has_key = Q(token__acknowledged_at__isnull=False) | Q(token__delivery=DeliveryState.AT_TARGETS)
        has_key |= Q(token__kind=RequestKind.IMPORT)
        return living.filter(has_key, profile__purpose=CertificatePurpose.ENCRYPTION)

    def over(self, now: datetime, *, states: Iterable[CertificateState] = NOT_ENDED) -> Self:
        """Expired certificates of tokens that are delivered or being issued.

        Without those to be revoked, which the worker expires, and without those of Inactive persons during
        issuance, which are handled on their return.
        """
        ended = self.filter(state__in=states, not_after__lte=now, revocation_decided_at=None)
        on_leave = Q(token__request__person__state=PersonState.INACTIVE)
        return ended.filter(Q(token__state__in=HANDED_OUT) | Q(token__state=TokenState.ISSUING) & ~on_leave)

    def to_be_held_or_released(self) -> Self:
        """Certificates whose decided hold or release has not reached the CA."""
        held = Q(state=C.ON_HOLD) | Q(state=C.VALID, held_at_ca=True)
        differs = Q(state=C.VALID, hold_wanted=True) | (held & Q(hold_wanted=False))
        return self.filter(differs, revocation_decided_at=None)


class Certificate(RevocationAndHold):
    """One certificate and, until its token is sealed, its wrapped private key.

    The lease columns serve issuance while it is ordered, then holds, then a decided revocation.
    left_out_at: it was refused for good, and an officer issues the token without it.
    shorter_than: the ordered end, where its CA gave a shorter validity; else null.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token = models.ForeignKey(
        "identity_manager.SoftwareToken", on_delete=models.PROTECT, related_name="certificates"
    )
    profile = models.ForeignKey(CertificateProfile, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)
    state = StateField(max_length=16, choices=CertificateState.choices, default=C.ORDERED, protected=True)
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
    refusal = models.TextField(blank=True)
    left_out_at = models.DateTimeField(null=True)
    shorter_than = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    archived_keys: "RelatedManager[Any]"  # of ArchivedKey, which imports this module

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
        indexes = [
            # Of those alone that wait: else statistics say that every row has the same moment, none.
            models.Index(
                fields=["next_attempt_at"],
                name="certificate_next",
                condition=Q(next_attempt_at__isnull=False),
            ),
            models.Index(
                fields=["serial"], opclasses=["varchar_pattern_ops"], name="certificate_serial_begins"
            ),
            models.Index(fields=["fingerprint_sha256"], name="certificate_fingerprint"),
            models.Index(fields=["not_after"], name="certificate_expiry"),
            models.Index(fields=["created_at", "id"], name="certificate_age"),
            models.Index(fields=["state", "created_at"], name="certificate_state_age"),
            models.Index(fields=["state", "not_after"], name="certificate_state_expiry"),
            models.Index(fields=["issuer", "created_at"], name="certificate_issuer_age"),
            models.Index(
                fields=["revoked_at"], name="certificate_revoked", condition=Q(revoked_at__isnull=False)
            ),
            models.Index(
                fields=["id"],
                name="certificate_not_on_crl",
                condition=Q(revoked_at__isnull=False, on_crl_at__isnull=True),
            ),
            models.Index(
                fields=["state"],
                name="certificate_to_be_revoked",
                condition=Q(revocation_decided_at__isnull=False),
            ),
            models.Index(
                fields=["by_hand_since"],
                name="certificate_by_hand",
                condition=Q(by_hand_since__isnull=False),
            ),
            models.Index(
                fields=["id"], name="certificate_with_key", condition=Q(private_key_wrapped__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.subject or str(self.profile)

    @property
    def is_to_be_issued(self) -> bool:
        """As `CertificateQuerySet.to_be_issued`, of a row that was read with its parents."""
        request = self.token.request
        return bool(
            self.state == C.ORDERED
            and self.token.state == TokenState.ISSUING
            and request.state == RequestState.ISSUING
            and request.person.state != PersonState.INACTIVE
        )

    @property
    def is_wanted(self) -> bool:
        """Whether its token, whose request is read with it, is still being issued.

        CertificateQuerySet.with_orphaned_order finds orders of which this is not so.
        """
        return self.token.state == TokenState.ISSUING and self.token.request.state in STILL_ISSUING

    @property
    def is_usable(self) -> bool:
        """Whether its token may be sealed with it: issued, not held, not to be revoked (as USABLE)."""
        free = not self.hold_wanted and not self.held_at_ca and self.revocation_decided_at is None
        return bool(self.state == C.VALID and free)

    def authenticates(self, now: datetime) -> bool:
        """Whether its holder may authenticate with it here: usable, not expired, of an Active token."""
        alive = self.not_after is not None and self.not_after > now
        return alive and self.is_usable and self.token.state == TokenState.ACTIVE

    @cached_property
    def copy_is_kept(self) -> bool:
        """Whether its key is archived; for many at once see archived_key.with_copies."""
        return self.archived_keys.exists()

    @property
    def der(self) -> bytes:
        """The certificate. Raises ValueError as long as none was issued."""
        if self.certificate is None:
            raise ValueError("This certificate has not been issued.")
        return self.certificate

    @property
    def account_mappings(self) -> tuple[str, ...]:
        """Account mappings (altSecurityIdentities) of an authentication certificate."""
        if self.certificate is None or self.profile.purpose != CertificatePurpose.AUTHENTICATION:
            return ()
        return strong_mapping.of(self.certificate)

    @property
    def ca(self) -> str:
        """Alias of the connection to its CA; empty if another system had it issued by another CA."""
        imported: Any = getattr(self, "imported", None)  # ImportedCertificate, which imports this module
        return self.profile.ca if imported is None else str(imported.ca)

    def order_key(self, number: int) -> str:
        """Idempotency key of its order of that number: each retry has an order of its own."""
        return f"{self.pk}.{number}"

    @property
    def order_keys(self) -> list[str]:
        """Idempotency keys of all its orders."""
        return [self.order_key(number) for number in range(1, self.orders_made + 1)]

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The issuers in DER, nearest first, without the root."""
        return self.order.chain if self.order else ()

    def erase_key(self) -> None:
        """Erase the wrapped private key of the row, without saving.

        docs/explanation/secrets.md lists the occasions; `people/anonymisation.py` does it by a query.
        """
        self.private_key_wrapped = None

    @transition(field=state, source=C.ORDERED, target=C.VALID)
    def issue(self, *, certificate: bytes, facts: CertificateFacts) -> None:
        """The CA has issued it, as ordered."""
        self.certificate = certificate
        self.serial = facts.serial_hex
        self.issuer = facts.issuer
        self.subject = facts.subject
        self.fingerprint_sha256 = facts.sha256_fingerprint
        self.not_before = facts.not_before
        self.not_after = facts.not_after

    @transition(field=state, source=C.ORDERED, target=C.REFUSED)
    def refuse(self, *, reason: str) -> None:
        """The CA has refused for good, or the request ended before the CA was asked."""
        self.refusal = reason

    @transition(field=state, source=C.REFUSED, target=C.ORDERED)
    def order_again(self, *, now: datetime) -> None:
        """An officer retries it, with a new key and a new order."""
        self.refusal = ""
        self._begin_anew(now)

    @transition(field=state, source=[C.VALID, C.ON_HOLD], target=C.ORDERED)
    def order_anew(self, *, now: datetime) -> None:
        """The certificate expired before its token was sealed: it gets a new key and a new order."""
        self.certificate = self.not_before = self.not_after = self.shorter_than = None
        self.serial = self.issuer = self.subject = self.fingerprint_sha256 = ""
        self.hold_wanted = self.held_at_ca = False
        self.settle_lease()
        self._begin_anew(now)

    def _begin_anew(self, now: datetime) -> None:
        self.erase_key()
        self.public_key_sha256 = None
        self.order = None
        self.work_is_due(now)

    @property
    def may_outlive_token(self) -> bool:
        """As `CertificateQuerySet.may_outlive_token`, of a row whose token and profile are there."""
        encrypts = self.profile.purpose == CertificatePurpose.ENCRYPTION
        elsewhere = self.token.delivery == DeliveryState.AT_TARGETS or self.token.kind == RequestKind.IMPORT
        return encrypts and self.is_living and (self.token.acknowledged_at is not None or elsewhere)

    def has_ended(self, now: datetime) -> bool:
        """Whether notAfter has passed, so that no CA call is needed any more."""
        return self.not_after is not None and self.not_after <= now

    @property
    def is_parked(self) -> bool:
        """Whether its outcome is unknown and the order parked: an officer decides."""
        return self.state == C.ORDERED and self.order is not None and self.order.is_parked

    @property
    def is_to_be_retried(self) -> bool:
        """Whether it was refused, so that an officer may retry it."""
        return bool(self.state == C.REFUSED and self.left_out_at is None)

    @transition(field=state, source=[C.VALID, C.ON_HOLD], target=C.EXPIRED)
    def expire(self) -> None:
        """notAfter has passed; the key is erased if nobody has got it."""
        self.erase_key()
        self.hold_wanted = False
        self.settle_lease()
