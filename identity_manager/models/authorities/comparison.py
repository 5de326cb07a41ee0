"""Reconciliation with a CA: certificates that the CA has issued, compared with the database."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import registry
from ca_bridge.database.binary_field import BytesField
from ca_bridge.models import LOOK_AGAIN, CaOrder
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.requests.certificate import Certificate

SHOWN_FOR = timedelta(days=30)  # how long after its end a comparison stands on the pages of officers
# What was asked for in the lost time may be issued long after it: how long after each comparison the next is.
AGAIN_AFTER = (timedelta(days=1), timedelta(days=7))


class ComparisonStep(models.TextChoices):
    """The present step: read the CA's list, then ask the CA for what the database has."""

    LISTING = "listing", _("reads what the authority has issued")
    ASKING = "asking", _("asks the authority for what the database holds")
    DONE = "done", _("compared")
    IMPOSSIBLE = "impossible", _("cannot be compared")


class FindingKind(models.TextChoices):
    UNKNOWN = "unknown", _("The authority has issued it, and the database does not know it")
    MISSING = "missing", _("The database holds it as issued, and the authority does not know it")


def _still_open(kind: FindingKind) -> models.Count:
    of_kind = Q(findings__kind=kind, findings__closed_at=None)
    return models.Count("findings", filter=of_kind)


UNFINISHED = (ComparisonStep.LISTING, ComparisonStep.ASKING)


class CaComparisonQuerySet(models.QuerySet["CaComparison"]):
    def unfinished(self) -> Self:
        """Unfinished ones, least recently continued first."""
        return self.filter(step__in=UNFINISHED).order_by(F("worked_at").asc(nulls_first=True), "pk")

    def due_again(self, now: datetime) -> Self:
        """Comparisons that are due to be repeated."""
        return self.filter(step=ComparisonStep.DONE, again_at__lte=now)

    def shown(self) -> Self:
        """The last one of each configured connection: while it runs, and SHOWN_FOR after it."""
        of_late = Q(finished_at__gt=Now() - SHOWN_FOR)
        return self.newest().filter(Q(step__in=UNFINISHED) | of_late, alias__in=registry.aliases())

    def with_numbers(self) -> Self:
        """Annotated with unknown (issued by the CA, not in the database) and missing (the reverse).

        Open findings count.
        """
        return self.annotate(
            unknown=_still_open(FindingKind.UNKNOWN), missing=_still_open(FindingKind.MISSING)
        )

    def newest(self) -> Self:
        """The last one of each connection, by alias."""
        same = CaComparison.objects.filter(alias=models.OuterRef("alias"))
        newer = same.filter(begun_at__gt=models.OuterRef("begun_at"))
        return self.filter(~models.Exists(newer)).order_by("alias")


class CaComparison(models.Model):
    """One reconciliation from a moment on, in small portions; it resumes where it stopped.

    cursor: position in the CA's list. listed: certificates read so far. asked: certificates asked for;
    asked_to: up to which order. rounds: how often it was repeated. trouble: why it stopped or is impossible;
    words of the CA, or ours in English.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    alias = models.CharField(max_length=100)
    since = models.DateTimeField()
    begun_at = models.DateTimeField(default=timezone.now)
    step = models.CharField(max_length=12, choices=ComparisonStep.choices, default=ComparisonStep.LISTING)
    cursor = models.TextField(blank=True)
    listed = models.PositiveIntegerField(default=0)
    asked = models.PositiveIntegerField(default=0)
    asked_to = models.UUIDField(null=True)
    rounds = models.PositiveSmallIntegerField(default=0)
    worked_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    again_at = models.DateTimeField(null=True)
    trouble = models.TextField(blank=True)

    objects = CaComparisonQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alias", "since"], name="ca_comparison_once"),
            models.CheckConstraint(condition=Q(step__in=ComparisonStep.values), name="ca_comparison_step"),
        ]

    def __str__(self) -> str:
        return f"{self.alias}, {self.since:%Y-%m-%d %H:%M}"

    @property
    def is_unfinished(self) -> bool:
        """Whether it is unfinished."""
        return self.step in UNFINISHED

    def is_due_again(self, now: datetime) -> bool:
        """Whether it is due to be repeated."""
        done = self.step == ComparisonStep.DONE
        return done and self.again_at is not None and self.again_at <= now

    def restart(self) -> None:
        """Begin again at the start of the CA's list."""
        self.step, self.cursor, self.asked_to, self.again_at = ComparisonStep.LISTING, "", None, None
        self.listed = self.asked = 0
        self.trouble = ""

    def finish(self, now: datetime) -> None:
        """Finish the round; schedule the next one, for certificates that are issued late."""
        self.step, self.finished_at, self.trouble = ComparisonStep.DONE, now, ""
        rest = AGAIN_AFTER[self.rounds :]
        self.again_at = now + rest[0] if rest else None
        self.rounds += 1

    def give_up(self, now: datetime, trouble: str) -> None:
        """The CA cannot be compared."""
        self.step, self.finished_at, self.trouble = ComparisonStep.IMPOSSIBLE, now, trouble


class FindingState(models.TextChoices):
    """waiting: its order is under way and may explain it. The first three are open."""

    OPEN = "open", _("Waits for an officer")
    WAITING = "waiting", _("Its order is under way")
    REVOKING = "revoking", _("Is to be revoked")
    REVOKED = "revoked", _("Revoked")
    ADOPTED = "adopted", _("Adopted")
    LEFT = "left", _("Left as it is")
    SETTLED = "settled", _("Settled by itself")


F_ = FindingState
STILL_OPEN = (F_.OPEN, F_.WAITING, F_.REVOKING)


class CaFindingQuerySet(models.QuerySet["CaFinding"]):
    def for_officers(self, now: datetime) -> Self:
        """Findings that an officer decides on or revokes manually, oldest first. None of an expired one."""
        by_hand = Q(state=F_.REVOKING, by_hand_since__isnull=False)
        waiting = self.filter(Q(state=F_.OPEN) | by_hand, not_after__gt=now)
        return waiting.order_by("found_at", "pk")

    def of_orders(self) -> Self:
        """Findings that their orders may still explain."""
        return self.filter(state__in=[F_.OPEN, F_.WAITING], order__isnull=False)

    def to_be_revoked(self, now: datetime) -> Self:
        """Findings whose revocation is due at the CA, least recently tried first."""
        looked_at = Q(by_hand_since__isnull=False, tried_at__gt=now - LOOK_AGAIN)
        rows = self.filter(state=F_.REVOKING, kind=FindingKind.UNKNOWN, not_after__gt=now).exclude(looked_at)
        return rows.order_by(F("tried_at").asc(nulls_first=True), "pk")

    def ended(self, now: datetime) -> Self:
        """Open findings whose certificates have expired, so that nothing is to be done."""
        return self.filter(state__in=STILL_OPEN, not_after__lte=now)


class CaFinding(models.Model):
    """A certificate on which the CA and the database differ.

    order: the order with its key, if any; token_certificate: the certificate of that order. certificate (DER)
    and subject are erased once it is closed. decided_by, reason: the decision of an officer. by_hand_since:
    since when the CA cannot be told to revoke it. trouble: the last error of the CA.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    comparison = models.ForeignKey(CaComparison, on_delete=models.PROTECT, related_name="findings")
    kind = models.CharField(max_length=8, choices=FindingKind.choices)
    state = models.CharField(max_length=8, choices=FindingState.choices, default=F_.OPEN)
    order = models.ForeignKey(CaOrder, null=True, on_delete=models.PROTECT, related_name="+")
    token_certificate = models.ForeignKey(Certificate, null=True, on_delete=models.PROTECT, related_name="+")
    certificate = BytesField(default=b"")
    issuer = models.CharField(max_length=1000)
    serial = models.CharField(max_length=40)
    subject = models.CharField(max_length=1000, blank=True)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    found_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    tried_at = models.DateTimeField(null=True)
    by_hand_since = models.DateTimeField(null=True)
    trouble = models.TextField(blank=True)
    closed_at = models.DateTimeField(null=True)

    objects = CaFindingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "serial", "kind"], name="ca_finding_once"),
            models.CheckConstraint(condition=Q(state__in=FindingState.values), name="ca_finding_state"),
            models.CheckConstraint(condition=Q(kind__in=FindingKind.values), name="ca_finding_kind"),
            models.CheckConstraint(
                condition=Q(closed_at=None, state__in=STILL_OPEN)
                | (Q(closed_at__isnull=False, certificate=b"", subject="") & ~Q(state__in=STILL_OPEN)),
                name="ca_finding_closed_lets_go",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "found_at"], name="ca_finding_open", condition=Q(closed_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.issuer}, {self.serial}"

    @property
    def alias(self) -> str:
        return self.comparison.alias

    @property
    def is_adoptable(self) -> bool:
        """Whether its key is that of a parked order; the verb checks more."""
        return self.kind == FindingKind.UNKNOWN and self.order is not None and self.order.is_parked

    @property
    def is_of_order(self) -> bool:
        """Whether its order may still explain it; as `CaFindingQuerySet.of_orders`."""
        return self.state in (F_.OPEN, F_.WAITING) and self.order_id is not None

    def has_ended(self, now: datetime) -> bool:
        """Whether it is open, and its certificate has expired; as `CaFindingQuerySet.ended`."""
        return self.state in STILL_OPEN and self.not_after <= now

    def awaits_decision(self, now: datetime) -> bool:
        """Whether an officer decides on it."""
        return self.state == F_.OPEN and self.not_after > now

    def is_by_hand(self, now: datetime) -> bool:
        """Whether an officer revokes it manually."""
        return self.state == F_.REVOKING and self.by_hand_since is not None and self.not_after > now

    def decide(self, state: FindingState, *, actor: Person, now: datetime, reason: str = "") -> None:
        """Store an officer's decision; erase the certificate if the finding is closed by it."""
        self.decided_by, self.decided_at, self.reason = actor, now, reason
        self.state = state
        if state not in STILL_OPEN:
            self.close(state, now=now)

    def close(self, state: FindingState, *, now: datetime) -> None:
        """Close the finding: nothing is left to do."""
        self.state, self.closed_at = state, now
        self.certificate, self.subject, self.trouble = b"", "", ""

    def note_unrevoked(self, said: str, *, now: datetime, by_hand: bool) -> None:
        """Store that the CA has not revoked it; by_hand: it never will by its interface."""
        self.tried_at, self.trouble = now, said
        if by_hand and self.by_hand_since is None:
            self.by_hand_since = now
