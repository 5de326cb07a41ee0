"""Placements, the journal of targets: desired and actual state of one certificate at one target."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.catalogue.certificate_profile import CertificatePurpose
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet
from identity_manager.models.people.identity_change import IdentityChange
from identity_manager.models.people.person import PersonState
from identity_manager.models.requests.certificate import Certificate
from identity_manager.models.requests.certificate_states import NOT_ENDED, CertificateState
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_states import DELIVERABLE, IN_USE, DeliveryState
from identity_manager.models.targets.target import HoldBack, Target, TargetUse


class PlacementState(models.TextChoices):
    WAITING = "waiting", _("Not there")
    INTENDED = "intended", _("Being put there")
    THERE = "there", _("There")
    VANISHED = "vanished", _("Removed by somebody else")
    FOREIGN = "foreign", _("Was there before us")
    REFUSED = "refused", _("Refused")
    PARKED = "parked", _("Not known whether it is there")
    GONE = "gone", _("Taken back")


P = PlacementState
TO_BE_PUT = (P.WAITING, P.INTENDED, P.GONE)  # to publish, if `wanted`
TO_BE_TAKEN_BACK = (P.INTENDED, P.THERE, P.VANISHED)  # to remove, if not `wanted`
MAY_BE_THERE = (*TO_BE_TAKEN_BACK, P.PARKED)
MAY_BE_REPEATED = (P.VANISHED, P.REFUSED, P.FOREIGN, P.PARKED)
ENCRYPTS = (CertificatePurpose.ENCRYPTION, CertificatePurpose.COMBINED)


class PlacementQuerySet(LeasedQuerySet["Placement"]):
    def to_be_published(self, now: datetime) -> Self:
        """Placements whose desired state is *published*: the only rule that sets `wanted`.

        Certificates that are valid and not on hold, of Active persons, of token types for which the target is
        switched on, no longer held back, and not superseded by one that is to stand. While a change of the
        person's identity waits for a decision, no key leaves: their account at the target is looked up by
        that identity.
        """
        valid = Q(
            certificate__state=CertificateState.VALID,
            certificate__hold_wanted=False,
            certificate__held_at_ca=False,
            certificate__revocation_decided_at__isnull=True,
            certificate__not_after__gt=now,
            certificate__left_out_at__isnull=True,
            certificate__token__state__in=DELIVERABLE,
            certificate__token__person__state=PersonState.ACTIVE,
        )
        # The last one of a chain is wanted or nobody is: its token may have lapsed, or been revoked.
        last = Q(successor__isnull=True) | Q(successor__wanted=False, successor__successor__isnull=True)
        return self.filter(valid, last, self._not_held_back(), self._not_frozen(now))

    @staticmethod
    def _not_frozen(now: datetime) -> Q:
        changes = IdentityChange.objects.waiting(now).order_by()
        of_person = changes.filter(person=OuterRef("certificate__token__person"))
        return Q(carries_key=False) | ~Q(Exists(of_person))

    @staticmethod
    def _not_held_back() -> Q:
        uses = TargetUse.objects.in_force().order_by()
        use = uses.filter(target=OuterRef("target"), type_code=OuterRef("certificate__token__type_code"))
        at_targets = Q(certificate__token__delivery=DeliveryState.AT_TARGETS)
        noted = Q(certificate__token__acknowledged_at__isnull=False) | at_targets
        installed = Q(certificate__token__installed_at__isnull=False) | at_targets
        before_its_key = Q(carries_key=False, certificate__token__delivery=DeliveryState.TO_TARGETS)
        return ~before_its_key & (
            Q(Exists(use.filter(hold_back=HoldBack.ISSUED)))
            | Q(Exists(use.filter(hold_back=HoldBack.NOTED))) & noted
            | Q(Exists(use.filter(hold_back=HoldBack.INSTALLED))) & installed
        )

    def living(self) -> Self:
        """Placements whose desired state can still change: not ended, or perhaps published.

        A key that arrived stays at its target, so its placement does not change any more.
        """
        published = Q(carries_key=False, state__in=MAY_BE_THERE)
        return self.filter(Q(certificate__state__in=NOT_ENDED) | published | Q(parcel_wrapped__isnull=False))

    def with_needless_parcel(self) -> Self:
        """Placements whose sealed key is to be erased: token or certificate ended, or target switched off.

        Not those whose arrival at a configured target is unknown (INTENDED, PARKED), because the next look at
        the target compares with the key, and not those of a token that targets alone deliver while its
        certificate has not ended: there is no other copy.
        """
        uses = TargetUse.objects.in_force().order_by()
        use = uses.filter(target=OuterRef("target"), type_code=OuterRef("certificate__token__type_code"))
        ends = ~Q(certificate__state__in=NOT_ENDED) | Q(certificate__revocation_decided_at__isnull=False)
        ends |= ~Q(certificate__token__state__in=IN_USE)
        over = ends | ~Q(Exists(use)) & ~Q(certificate__token__delivery=DeliveryState.TO_TARGETS)
        compared = Q(state__in=(P.INTENDED, P.PARKED), target__name__in=list(settings.TARGETS))
        return self.filter(over, parcel_wrapped__isnull=False).exclude(compared)

    def only_copies(self) -> Self:
        """As `Placement.is_only_copy`."""
        return self.filter(
            parcel_wrapped__isnull=False,
            certificate__token__delivery=DeliveryState.TO_TARGETS,
            certificate__token__state__in=IN_USE,
        )

    def to_be_settled(self) -> Self:
        """Placements at configured targets that may still be published, or whose outcome is unknown.

        A person is not erased while there are any: the target's content is compared with the certificate.
        """
        published = Q(carries_key=False, state__in=MAY_BE_THERE)
        return self.filter(published | Q(state=P.INTENDED), target__name__in=list(settings.TARGETS))

    def bringing_keys(self, token: SoftwareToken) -> Self:
        """Placements by which a key of the token is at its target, or on its way there."""
        on_its_way = Q(wanted=True, state__in=(P.WAITING, P.INTENDED))
        return self.filter(on_its_way | Q(state=P.THERE), certificate__token=token, carries_key=True)

    def counted(self) -> dict[str, int]:
        """Number of placements by state, states without any left out."""
        rows = self.order_by().values_list("state").annotate(number=models.Count("pk"))
        return dict(rows)


class Placement(Stateful, Leased):
    """One certificate at one target, inserted in the transaction in which the certificate is issued.

    wanted: the desired state (PlacementQuerySet.to_be_published, when it was last evaluated). place: the
    person's entry at the target (objectGUID, entryUUID), committed with *intended* before the call
    (write-ahead). mark: identifier in a survey, where that is not the certificate's fingerprint. seen_in: the
    last drift run that found it. successor: the placement that replaced it at a renewal. The lease columns
    hold attempts and errors only: a worker claims the target, not the row.

    carries_key: the private key is delivered too, and remains there when the certificate ends.
    parcel_wrapped: the key, encrypted for the target, then wrapped for row and person; erased on arrival.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="placements")
    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="placements")
    wanted = models.BooleanField(default=False)
    place = models.CharField(max_length=200, blank=True)
    mark = models.CharField(max_length=64, blank=True, default="", db_default="")
    state = StateField(max_length=16, choices=P.choices, default=P.WAITING, protected=True)
    successor = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="predecessors")
    intended_at = models.DateTimeField(null=True)
    there_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)
    seen_in = models.UUIDField(null=True)
    carries_key = models.BooleanField(default=False, db_default=False)
    parcel_wrapped = BytesField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = PlacementQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            state_constraint(P, "placement_state"),
            models.UniqueConstraint(fields=["target", "certificate"], name="placement_once"),
            models.CheckConstraint(
                condition=~Q(state__in=("intended", "there")) | ~Q(place=""), name="placement_has_place"
            ),
            models.CheckConstraint(
                condition=Q(parcel_wrapped=None) | (Q(carries_key=True) & ~Q(state__in=("there", "foreign"))),
                name="placement_parcel_is_erased",
            ),
        ]
        indexes = [
            models.Index(
                fields=["target", "next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="placement_due",
            ),
            models.Index(fields=["target", "state", "id"], name="placement_states"),
            models.Index(fields=["target", "place"], name="placement_place"),
            models.Index(fields=["target", "mark"], condition=~Q(mark=""), name="placement_mark"),
        ]

    def __str__(self) -> str:
        return f"{self.target_id}: {self.certificate_id}"

    @property
    def has_work(self) -> bool:
        """Whether the target is to be called: desired and actual state differ."""
        if self.carries_key:
            return self.state in (TO_BE_PUT if self.wanted else (P.INTENDED,))
        return self.state in (TO_BE_PUT if self.wanted else TO_BE_TAKEN_BACK)

    @property
    def may_be_repeated(self) -> bool:
        """Whether an officer may retry it."""
        can_be_put = not self.carries_key or self.parcel_wrapped is not None
        return self.wanted and self.state in MAY_BE_REPEATED and can_be_put

    @property
    def is_only_copy(self) -> bool:
        """Whether nobody but its targets gets this key, and it is not known to be at this one."""
        token = self.certificate.token
        to_targets = token.delivery == DeliveryState.TO_TARGETS and token.is_in_use
        return self.parcel_wrapped is not None and to_targets

    @property
    def is_in_doubt(self) -> bool:
        """Whether an officer alone can say if it is there: nobody looks at a target out of the settings."""
        is_left = self.state == P.INTENDED and self.target.name not in settings.TARGETS
        return self.state == P.PARKED or is_left

    def make_due(self, now: datetime) -> None:
        """Schedule the next call for now if the target is to be called, else settle the lease."""
        if self.has_work:
            self.work_is_due(now)
        else:
            self.settle_lease()

    @transition(field=state, source=[P.WAITING, P.GONE], target=P.INTENDED)
    def intend(self, *, place: str, now: datetime, mark: str = "") -> None:
        """Record the intent before the call (write-ahead): from now on it may be at the target."""
        self.place, self.intended_at, self.mark = place, now, mark

    @transition(field=state, source=P.INTENDED, target=P.WAITING)
    def not_done(self) -> None:
        """The call certainly had no effect."""

    @transition(field=state, source=[P.INTENDED, P.PARKED, P.VANISHED], target=P.THERE)
    def mark_published(self, *, now: datetime) -> None:
        """The certificate is at the target, put there by us. Erases the sealed key."""
        self.there_at, self.parcel_wrapped = now, None

    @transition(field=state, source=P.INTENDED, target=P.FOREIGN)
    def leave_to_others(self) -> None:
        """The entry was at the target before, by somebody else: we never remove it. Erases the sealed key."""
        self.parcel_wrapped = None

    @transition(field=state, source=[P.WAITING, P.INTENDED, P.GONE], target=P.REFUSED)
    def refuse(self, *, words: str, now: datetime) -> None:
        """The target refused permanently; `words` is its reason, for operators."""
        self.settle_lease()
        self.last_error, self.last_error_at = words, now

    @transition(field=state, source=P.INTENDED, target=P.PARKED)
    def park(self) -> None:
        """The outcome is unknown and the target cannot be asked: an officer decides."""
        self.settle_lease()

    @transition(field=state, source=P.THERE, target=P.VANISHED)
    def mark_missing(self) -> None:
        """A complete survey did not find it: somebody else has removed it."""

    @transition(field=state, source=[*TO_BE_TAKEN_BACK, P.PARKED], target=P.GONE)
    def take_back(self, *, now: datetime) -> None:
        """The entry was removed from the target. Erases its identifier, which is personal data."""
        self.gone_at, self.place = now, ""

    @transition(field=state, source=list(MAY_BE_REPEATED), target=P.WAITING)
    def repeat(self, *, now: datetime) -> None:
        """An officer retries it: due now, last error cleared."""
        self.last_error, self.last_error_at = "", None
        self.work_is_due(now)
