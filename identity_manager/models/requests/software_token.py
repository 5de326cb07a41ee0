"""Software tokens: one line of a request, from the request to the end of its certificates."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _
from django_fsm import GET_STATE, transition

from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.catalogue.token_type import TokenType
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased
from identity_manager.models.people.leave import Leave
from identity_manager.models.people.person import Person, PersonState
from identity_manager.models.requests.certificate import Certificate
from identity_manager.models.requests.container import Container
from identity_manager.models.requests.end_reason import END_REASONS, LONGEST_REASON
from identity_manager.models.requests.states import ONE_OPEN_LINE, RequestKind, RequestState
from identity_manager.models.requests.token_queries import SoftwareTokenQuerySet
from identity_manager.models.requests.token_states import (
    BY_TARGETS,
    DELIVERABLE,
    IN_USE,
    NEVER_HANDED_OUT,
    UNDER_WAY,
    DeliveryState,
    TokenState,
)

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

T = TokenState
WITHOUT_TYPE = _("Recovered keys")
RECOVERED_FORMAT, RECOVERED_PASSPHRASE_DAYS = "standard", 14  # of recovered keys, which have no type


class SoftwareToken(Stateful, Leased):
    """A token: certificates and keys of one type for one person.

    It is a line of its request in one round; an approver may have taken it out. One of a recovery has no type
    and no certificates of its own: its containers hold archived keys with the certificates of other tokens.

    Person, kind and the open flag are denormalised for a unique constraint: a person has at most one open
    line per type. snapshot: what was requested and approved (workflow.snapshot). installed_at: when the
    person first confirmed its installation on a device. The lease columns serve the sealing. predecessor:
    the token that this one renews or replaces.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.ForeignKey(
        "identity_manager.TokenRequest", on_delete=models.PROTECT, related_name="tokens"
    )
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="tokens")
    token_type = models.ForeignKey(TokenType, null=True, on_delete=models.PROTECT, related_name="tokens")
    type_code = models.SlugField(max_length=40)
    kind = models.CharField(max_length=16, choices=RequestKind)
    round = models.PositiveSmallIntegerField(default=1)
    taken_out_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    is_open = models.BooleanField(default=True)
    predecessor = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="renewals", db_index=False
    )
    snapshot = models.JSONField()
    state = StateField(max_length=16, choices=TokenState.choices, default=TokenState.ORDERED, protected=True)
    delivery = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.NONE)
    delivered_at = models.DateTimeField(null=True)
    passphrase_wrapped = BytesField(null=True)
    passphrase_shown = models.PositiveIntegerField(default=0)
    passphrase_shown_at = models.DateTimeField(null=True)
    passphrase_destroy_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    installed_at = models.DateTimeField(null=True)
    held_at = models.DateTimeField(null=True)
    held_for_leave = models.ForeignKey(
        Leave, null=True, blank=True, on_delete=models.PROTECT, related_name="tokens"
    )
    sealed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    certificates: "RelatedManager[Certificate]"
    containers: "RelatedManager[Container]"
    objects = SoftwareTokenQuerySet["SoftwareToken"].as_manager()

    class Meta:
        ordering = ["created_at"]
        constraints = [
            state_constraint(TokenState, "software_token_state"),
            models.CheckConstraint(
                condition=Q(delivery__in=DeliveryState.values), name="software_token_delivery"
            ),
            models.UniqueConstraint(
                fields=["person", "type_code"],
                condition=Q(is_open=True, kind__in=ONE_OPEN_LINE),
                name="software_token_one_open_line_of_type",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None) | Q(passphrase_wrapped=None),
                name="software_token_noted_is_destroyed",
            ),
        ]
        indexes = [
            # Of those alone that wait: else statistics say that every row has the same moment, none.
            models.Index(
                fields=["next_attempt_at"],
                name="software_token_next",
                condition=Q(next_attempt_at__isnull=False),
            ),
            models.Index(fields=["state", "passphrase_destroy_at"], name="software_token_passphrase"),
            models.Index(fields=["person", "state"], name="software_token_of_person"),
            models.Index(fields=["type_code", "request"], name="software_token_type"),
            models.Index(
                fields=["installed_at", "id"],
                name="software_token_not_installed",
                condition=Q(acknowledged_at__isnull=False),
            ),
            models.Index(
                fields=["predecessor"],
                name="software_token_predecessor",
                condition=Q(predecessor__isnull=False),
            ),
            models.Index(
                fields=["id"],
                name="software_token_with_secret",
                condition=Q(passphrase_wrapped__isnull=False),
            ),
            models.Index(
                fields=["state"],
                name="software_token_to_targets",
                condition=Q(delivery=DeliveryState.TO_TARGETS),
            ),
        ]

    replaced_whole = frozenset({"snapshot"})

    def __str__(self) -> str:
        """Name of the token's type; with_type_name() brings that without the row of the type."""
        return str(getattr(self, "type_name", None) or self.token_type or WITHOUT_TYPE)

    @property
    def required_type(self) -> TokenType:
        """Type of the token. Raises ValueError for a token that has none (a recovery)."""
        if self.token_type is None:
            raise ValueError("This token has no type.")
        return self.token_type

    @property
    def archives_keys(self) -> bool:
        """Whether its type archives its encryption keys."""
        return self.token_type is not None and self.token_type.archive_key

    @property
    def container_format(self) -> str:
        """The default container format of its files."""
        return self.token_type.container_format if self.token_type else RECOVERED_FORMAT

    @property
    def passphrase_days(self) -> int:
        """Days within which its passphrase is to be noted."""
        return self.token_type.passphrase_days if self.token_type else RECOVERED_PASSPHRASE_DAYS

    def is_to_be_sealed(self, certificates: Iterable[Certificate]) -> bool:
        """As `SoftwareTokenQuerySet.to_be_sealed`, of a row that was read with its parents.

        certificates: all of the token's.
        """
        alive = self.state == T.ISSUING and self.request.state == RequestState.ISSUING
        wanted = [row for row in certificates if row.left_out_at is None]
        return bool(
            alive and self.person.state == PersonState.ACTIVE and all(row.is_usable for row in wanted)
        )

    @cached_property
    def has_files(self) -> bool:
        """Whether its files are kept: until retention removes them."""
        return self.containers.exists()

    @property
    def is_by_targets(self) -> bool:
        """Whether its targets alone deliver it: it has no file and no passphrase."""
        return self.delivery in BY_TARGETS

    @property
    def has_unacknowledged_passphrase(self) -> bool:
        """Whether its passphrase still exists."""
        return self.passphrase_wrapped is not None

    @property
    def may_have_passphrase(self) -> bool:
        """As far as is known without it: sealed, and not noted (software_token_noted_is_destroyed)."""
        return self.sealed_at is not None and self.acknowledged_at is None

    @property
    def is_to_be_noted(self) -> bool:
        """Whether its person can note the passphrase now."""
        return self.has_unacknowledged_passphrase and self.state != T.ON_HOLD

    def is_overdue(self, now: datetime) -> bool:
        """Whether its passphrase was not noted in time."""
        late = self.passphrase_destroy_at is not None and self.passphrase_destroy_at <= now
        return late and self.has_unacknowledged_passphrase and self.state in (T.SEALED, T.ON_HOLD)

    @property
    def is_to_be_fetched(self) -> bool:
        """Whether its files wait in Self-Service."""
        waits = self.delivery in (DeliveryState.BOUNCED, DeliveryState.OFFERED)
        return waits and self.state in DELIVERABLE and self.has_files

    @property
    def can_be_installed(self) -> bool:
        """Whether its person has file and passphrase from here, and it is in use."""
        return self.state == T.ACTIVE and self.acknowledged_at is not None

    @property
    def awaits_installation(self) -> bool:
        """Whether nobody has said that it is installed."""
        return self.can_be_installed and self.installed_at is None

    @property
    def is_finished(self) -> bool:
        """As `SoftwareTokenQuerySet.finished`."""
        held_on_its_way = self.state == T.ON_HOLD and self.is_open
        return self.state not in UNDER_WAY and not held_on_its_way

    @property
    def is_in_use(self) -> bool:
        """Whether it was handed out and has not ended."""
        return self.state in IN_USE

    @property
    def is_visible_under_certificates(self) -> bool:
        """Whether it was delivered, in any later state."""
        return self.state not in NEVER_HANDED_OUT

    @property
    def is_revocable(self) -> bool:
        """Whether it is in use, or has ended with a certificate that can still be revoked."""
        if self.state == T.REPLACED:  # its certificates may wait to be revoked as superseded
            return any(each.is_revocable for each in self.certificates.all())
        if self.state == T.REVOKED:
            return any(each.is_living for each in self.certificates.all())
        return self.is_in_use

    @property
    def reason_words(self) -> str | Promise:
        """Reason of the token's end, in the reader's language."""
        return END_REASONS.in_words(self.reason)

    @transition(field=state, source=T.ORDERED, target=T.ISSUING)
    def start(self) -> None:
        """The terms are accepted: its certificates are being issued."""

    @transition(field=state, source=T.ISSUING, target=T.SEALED)
    def seal(self, *, passphrase_wrapped: bytes | None, destroy_at: datetime | None, now: datetime) -> None:
        """The containers are built under a fresh passphrase; without one the keys go to targets alone."""
        self.passphrase_wrapped = passphrase_wrapped
        self.passphrase_destroy_at = destroy_at
        self.sealed_at = now
        self.delivery = DeliveryState.QUEUED if passphrase_wrapped else DeliveryState.TO_TARGETS

    def arrive_at_targets(self, *, now: datetime) -> None:
        """All its keys are where targets deliver them."""
        self.delivery, self.delivered_at = DeliveryState.AT_TARGETS, now

    @transition(field=state, source=T.SEALED, target=T.ACTIVE)
    def complete(self) -> None:
        """Delivered and acknowledged."""
        self.is_open = False

    @transition(field=state, source=list(DELIVERABLE), target=T.ON_HOLD)
    def hold(self, *, leave: Leave | None, now: datetime) -> None:
        """Put it on hold: for the person's leave, or (None) by an administrator.

        A token that was still being issued or delivered stays an open line.
        """
        self.held_for_leave = leave
        self.held_at = now

    @transition(
        field=state,
        source=T.ON_HOLD,
        target=GET_STATE(lambda token: T.SEALED if token.is_open else T.ACTIVE, states=[T.SEALED, T.ACTIVE]),
    )
    def reinstate(self) -> None:
        """The hold ends: it is in use again, or its issuance and delivery go on."""
        self.held_for_leave = self.held_at = None

    @transition(field=state, source=[T.SEALED, T.ACTIVE, T.ON_HOLD], target=T.EXPIRED)
    def expire(self, *, now: datetime) -> None:
        """All its certificates have ended."""
        self._end("", now)

    @transition(field=state, source=[T.SEALED, T.ON_HOLD], target=T.LAPSED)
    def lapse(self, *, reason: str, now: datetime) -> None:
        """The passphrase was never noted; it is destroyed and the certificates are revoked."""
        self._end(reason, now)

    @transition(field=state, source=[T.ACTIVE, T.ON_HOLD], target=T.REPLACED)
    def replace(self, *, now: datetime) -> None:
        """The token's successor works. Old encryption certificates stay as they are until their own date."""
        self._end("", now)

    @transition(field=state, source=[T.ORDERED, T.ISSUING], target=T.CANCELLED)
    def cancel(self, *, reason: str, now: datetime) -> None:
        """The request ended before the token was handed out."""
        self._end(reason, now)

    @transition(field=state, source=[T.ISSUING, T.SEALED, T.ACTIVE, T.ON_HOLD], target=T.REVOKED)
    def revoke(self, *, reason: str, now: datetime) -> None:
        """Revoke it: its certificates are no longer to be trusted."""
        self._end(reason, now)

    def _end(self, reason: str, now: datetime) -> None:
        self.passphrase_wrapped = None
        self.is_open = False
        self.held_for_leave = self.held_at = None
        self.reason = reason
        self.ended_at = now
        self.settle_lease()
