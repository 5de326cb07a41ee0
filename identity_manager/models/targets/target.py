"""Targets: systems to which certificates are published. The setting TARGETS configures, rows have state."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.state_machine import state_constraint
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet
from identity_manager.models.people.person import Person
from identity_manager.models.people.role import Role
from identity_manager.models.second_officer import (
    ConsentState,
    SecondOfficerQuerySet,
    StatefulDecision,
    four_eyes,
)


class TargetQuerySet(LeasedQuerySet["Target"]):
    def with_work(self, now: datetime | None = None) -> Self:
        """Configured targets with a placement that is due (default: now)."""
        due = Target.objects.order_by().filter(placements__next_attempt_at__lte=now or timezone.now())
        return self.filter(pk__in=due.values("pk"), name__in=list(settings.TARGETS))

    def down(self) -> Self:
        """Targets of the settings that do not answer, or refuse us as a whole: all waits."""
        return self.filter(name__in=list(settings.TARGETS)).exclude(last_error="")

    def needing_an_officer(self) -> Self:
        """Targets that are down, and those where an officer alone can say whether something is there.

        As `Placement.is_in_doubt`: parked, or intended at a target that left the settings.
        """
        configured = Q(name__in=list(settings.TARGETS))
        mine = Target.objects.order_by().filter(pk=OuterRef("pk"))
        parked, intended = (Exists(mine.filter(placements__state=each)) for each in ("parked", "intended"))
        return self.filter(configured & ~Q(last_error="") | Q(parked) | ~configured & Q(intended))


class Target(Leased):
    """State of one entry of the setting TARGETS, by its name. One worker at a time serves it, under a lease.

    next_attempt_at: earliest next attempt, in the future while the target is down. test_result: what the
    connection test of tested_at found, in words.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60, unique=True)
    served_at = models.DateTimeField(null=True)
    tested_at = models.DateTimeField(null=True)
    test_result = models.TextField(blank=True, db_column="told")

    objects = TargetQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_down(self) -> bool:
        """Whether all waits: it is in the settings, and does not answer, or refuses us as a whole."""
        return self.name in settings.TARGETS and self.last_error != ""


class HoldBack(models.TextChoices):
    """Until when a certificate is held back from a target."""

    ISSUED = "issued", _("Nothing: it is put there when the token is sealed")
    NOTED = "noted", _("Until the person has noted the passphrase")
    INSTALLED = "installed", _("Until the person says that it is installed")


class TargetUseQuerySet(SecondOfficerQuerySet["TargetUse"]):
    def in_force(self) -> Self:
        """Confirmed and not ended."""
        return self.filter(state=ConsentState.CONFIRMED, ended_at__isnull=True)

    def open(self) -> Self:
        """In force, or waiting for the second officer."""
        return self.filter(state__in=(ConsentState.WAITING, ConsentState.CONFIRMED), ended_at__isnull=True)


class TargetUse(StatefulDecision):
    """A target switched on for a token type: one System Administrator asks, another confirms (four eyes).

    type_code: of all versions of the type. ended_at, ended_by: when and by whom it was switched off.
    """

    DECIDER = Role.SYSTEM_ADMINISTRATOR

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="uses")
    type_code = models.SlugField(max_length=40)
    hold_back = models.CharField(max_length=16, choices=HoldBack, default=HoldBack.NOTED)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")

    objects = TargetUseQuerySet.as_manager()

    class Meta:
        ordering = ["type_code", "-asked_at"]
        constraints = [
            state_constraint(ConsentState, "target_use_state"),
            four_eyes("target_use_four_eyes"),
            models.CheckConstraint(condition=Q(hold_back__in=HoldBack.values), name="target_use_hold_back"),
            models.UniqueConstraint(
                fields=["target", "type_code"],
                condition=Q(state__in=("waiting", "confirmed"), ended_at__isnull=True),
                name="target_use_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target}: {self.type_code}"

    @property
    def is_in_force(self) -> bool:
        """As `TargetUseQuerySet.in_force`."""
        return self.state == ConsentState.CONFIRMED and self.ended_at is None

    @property
    def is_open(self) -> bool:
        """Whether it is in force, or waits for the second officer."""
        return self.state in (ConsentState.WAITING, ConsentState.CONFIRMED) and self.ended_at is None
