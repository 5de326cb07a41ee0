"""Software tokens: one line of a request, and what becomes of it."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _
from django_fsm import GET_STATE, transition

from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.catalogue.token_type import TokenType
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet
from identity_manager.models.people.leave import Leave
from identity_manager.models.people.person import Person, PersonState
from identity_manager.models.requests.certificate import NOT_ENDED, Certificate, CertificateState
from identity_manager.models.requests.container import Container
from identity_manager.models.requests.end_reason import in_words
from identity_manager.models.requests.states import ONE_OPEN_LINE, RequestKind, RequestState

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager


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
TO_BE_ISSUED = (T.ORDERED, T.ISSUING)
UNDER_WAY = (*TO_BE_ISSUED, T.SEALED)
IN_USE = (T.SEALED, T.ACTIVE, T.ON_HOLD)
RECOVERED_FORMAT, RECOVERED_PASSPHRASE_DAYS = "standard", 14  # of recovered keys, which have no type
# Ended tokens whose encryption certificates may live on: mail under them is still on its way.
MAY_LIVE_ON = (T.REPLACED, T.REVOKED)


class DeliveryState(models.TextChoices):
    NONE = "none", _("Not yet")
    QUEUED = "queued", _("Waits to be sent")
    SENT = "sent", _("Sent")
    BOUNCED = "bounced", _("Came back")
    OFFERED = "offered", _("Waits to be fetched")
    FETCHED = "fetched", _("Fetched from the portal")


def first_end() -> Subquery:
    """When the first of a token's living certificates ends; null without any."""
    living = Certificate.objects.filter(token=OuterRef("pk"), state__in=NOT_ENDED)
    return Subquery(living.order_by("not_after").values("not_after")[:1])


def _lives_on() -> Q:
    living = Certificate.objects.filter(token=OuterRef("pk"), state__in=NOT_ENDED)
    kept = living.filter(revocation_decided_at=None)
    return Q(Exists(living), state=T.REPLACED) | Q(Exists(kept), state=T.REVOKED)


def _has_files() -> Exists:
    return Exists(Container.objects.filter(token=OuterRef("pk")))


class SoftwareTokenQuerySet(LeasedQuerySet["SoftwareToken"]):
    """Most of these rules stand in Python too, among the properties of SoftwareToken below.

    tests/identity_manager/models/test_rules_agree.py compares the two over all states.
    """

    def to_be_sealed(self) -> Self:
        """Tokens of a living request and an Active person, all of whose certificates are there to be used.

        But for those that an officer has left out; a token without any other is cancelled then.
        """
        usable = Q(
            state=CertificateState.VALID, hold_wanted=False, held_at_ca=False, revocation_decided_at=None
        )
        wanted = Certificate.objects.filter(token=OuterRef("pk"), left_out_at=None)
        return self.filter(
            ~Exists(wanted.exclude(usable)),
            state=T.ISSUING,
            request__state=RequestState.ISSUING,
            person__state=PersonState.ACTIVE,
        )

    def put_off_with_keys_to_archive(self) -> Self:
        """Tokens whose keys are to be archived, and whose sealing was put off."""
        waiting = self.filter(state=T.ISSUING, token_type__archive_key=True, next_attempt_at__isnull=False)
        return waiting.exclude(last_error="")

    def with_unacknowledged_passphrase(self) -> Self:
        """Tokens whose passphrase still exists."""
        return self.filter(passphrase_wrapped__isnull=False)

    def to_be_noted(self) -> Self:
        """Tokens whose passphrase the person can note now: none that is on hold."""
        return self.with_unacknowledged_passphrase().exclude(state=T.ON_HOLD)

    def overdue(self, now: datetime) -> Self:
        """Tokens whose passphrase was not noted in time; a hold does not keep it alive."""
        late = self.filter(state__in=(T.SEALED, T.ON_HOLD), passphrase_destroy_at__lte=now)
        return late.filter(passphrase_wrapped__isnull=False)

    def passphrase_shown_since(self, person_id: uuid.UUID, moment: datetime) -> Self:
        """The person's tokens of which a passphrase was shown since then."""
        return self.filter(person_id=person_id, passphrase_shown_at__gte=moment)

    def to_be_fetched(self) -> Self:
        """Tokens in use whose files wait in Self-Service: their mail failed, or brought a link."""
        waiting = (DeliveryState.BOUNCED, DeliveryState.OFFERED)
        return self.filter(_has_files(), state__in=(T.SEALED, T.ACTIVE), delivery__in=waiting)

    def alive(self) -> Self:
        """Tokens that are under way or in use, and ended ones of which a certificate lives on."""
        return self.filter(Q(state__in=(*UNDER_WAY, *IN_USE)) | _lives_on())

    def living_on(self) -> Self:
        """Ended tokens of which a certificate lives on."""
        return self.filter(_lives_on())

    def in_use(self) -> Self:
        """Tokens that were handed out and have not ended."""
        return self.filter(state__in=IN_USE)

    def with_has_files(self) -> Self:
        """Tokens that say whether their files are kept, without asking for each."""
        return self.annotate(has_files=_has_files())

    def superseded(self, now: datetime) -> Self:
        """Tokens whose successor is active, and has been for as many days as the successor's type says.

        It is active since it was delivered and acknowledged, whichever came last.
        """
        long_enough = Q()
        periods = TokenType.objects.order_by().values_list("replaced_after_days", flat=True).distinct()
        for days in periods:
            since = now - timedelta(days=days)
            long_enough |= Q(
                renewals__token_type__replaced_after_days=days,
                renewals__delivered_at__lte=since,
                renewals__acknowledged_at__lte=since,
            )
        return self.filter(
            long_enough,
            state__in=(T.ACTIVE, T.ON_HOLD),
            person__state=PersonState.ACTIVE,  # a leave stops the clock
            renewals__state=T.ACTIVE,
        )

    def visible_under_certificates(self) -> Self:
        """Tokens that were handed out, whatever became of them."""
        return self.exclude(state__in=(T.ORDERED, T.ISSUING, T.CANCELLED))


class SoftwareToken(Stateful, Leased):
    """A token: certificates and keys of one type for one person.

    It is a line of its request in one round; an approver may have taken it out. One of a recovery has no type
    and no certificates of its own: its containers hold archived keys with the certificates of other tokens.

    Person, kind and the open flag stand here too, so that the database can hold that a person has at
    most one open line per type. snapshot is what was asked for and approved (workflow.snapshot).
    The lease columns serve the sealing. predecessor is the token that this one renews or replaces.
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
    held_at = models.DateTimeField(null=True)
    held_for_leave = models.ForeignKey(
        Leave, null=True, blank=True, on_delete=models.PROTECT, related_name="tokens"
    )
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
                fields=["predecessor"],
                name="software_token_predecessor",
                condition=Q(predecessor__isnull=False),
            ),
            models.Index(
                fields=["id"],
                name="software_token_with_secret",
                condition=Q(passphrase_wrapped__isnull=False),
            ),
        ]

    replaced_whole = frozenset({"snapshot"})

    def __str__(self) -> str:
        return str(self.token_type or _("Recovered keys"))

    @property
    def required_type(self) -> TokenType:
        """Its type. Raises ValueError for one that has none (a recovery)."""
        if self.token_type is None:
            raise ValueError("This token has no type.")
        return self.token_type

    @property
    def archives_keys(self) -> bool:
        """Whether its type has a copy of its encryption keys kept."""
        return self.token_type is not None and self.token_type.archive_key

    @property
    def container_format(self) -> str:
        """In which format its files are sent where nobody chooses another one."""
        return self.token_type.container_format if self.token_type else RECOVERED_FORMAT

    @property
    def passphrase_days(self) -> int:
        """For how long its passphrase waits to be noted."""
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
    def has_unacknowledged_passphrase(self) -> bool:
        """Whether its passphrase still exists."""
        return self.passphrase_wrapped is not None

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
        return waits and self.state in (T.SEALED, T.ACTIVE) and self.has_files

    @property
    def is_finished(self) -> bool:
        held_on_its_way = self.state == T.ON_HOLD and self.is_open
        return self.state not in UNDER_WAY and not held_on_its_way

    @property
    def has_living_certificates(self) -> bool:
        """Whether one of its certificates is valid or on hold, and not to be revoked."""
        return any(each.is_living for each in self.certificates.all())

    @property
    def reason_words(self) -> str | Promise:
        """Why it ended, in the reader's language."""
        return in_words(self.reason)

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

    @transition(field=state, source=[T.SEALED, T.ACTIVE], target=T.ON_HOLD)
    def hold(self, *, leave: Leave | None, now: datetime) -> None:
        """Out of use for a while: for the person's leave, or (None) on an administrator's word.

        One that was on its way stays an open line.
        """
        self.held_for_leave = leave
        self.held_at = now

    @transition(
        field=state,
        source=T.ON_HOLD,
        target=GET_STATE(lambda token: T.SEALED if token.is_open else T.ACTIVE, states=[T.SEALED, T.ACTIVE]),
    )
    def reinstate(self) -> None:
        """The hold ends: in use again, or on its way again."""
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
        """Its successor works. Its encryption certificates stay as they are until their own date."""
        self._end("", now)

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
        self.held_for_leave = self.held_at = None
        self.reason = reason
        self.ended_at = now
        self.settle_lease()
