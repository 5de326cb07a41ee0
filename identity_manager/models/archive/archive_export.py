"""Exports of the archive: asked for by one Recovery Officer, confirmed by another, carried out once."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.state_machine import state_constraint
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.role import Role
from identity_manager.models.second_officer import (
    ConsentState,
    SecondOfficerQuerySet,
    StatefulDecision,
    four_eyes,
)

WAITS_FOR = timedelta(days=7)
GOOD_FOR = timedelta(days=1)


class ArchiveExportQuerySet(SecondOfficerQuerySet["ArchiveExport"]):
    def usable(self, now: datetime) -> "ArchiveExportQuerySet":
        """Confirmed within a day, and not carried out yet; the oldest first."""
        fresh = self.filter(state=ConsentState.CONFIRMED, decided_at__gt=now - GOOD_FOR, done_at=None)
        return fresh.order_by("decided_at")


class ArchiveExport(StatefulDecision):
    """An export of all archived keys without the outer layer, waiting at most a week for a second officer."""

    DECIDER = Role.RECOVERY_OFFICER

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    purpose = models.TextField(_("what for"))
    done_at = models.DateTimeField(null=True)

    objects = ArchiveExportQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            state_constraint(ConsentState, "archive_export_state"),
            four_eyes("archive_export_four_eyes"),
            models.CheckConstraint(
                condition=Q(done_at=None) | Q(state=ConsentState.CONFIRMED), name="archive_export_confirmed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asked_at:%Y-%m-%d %H:%M}"

    def is_usable(self, now: datetime) -> bool:
        """As `ArchiveExportQuerySet.usable`, of a row that was read."""
        fresh = self.decided_at is not None and self.decided_at > now - GOOD_FOR
        return fresh and self.state == ConsentState.CONFIRMED and self.done_at is None

    @classmethod
    def waiting_condition(cls, now: datetime) -> Q:
        return Q(state=ConsentState.WAITING, asked_at__gt=now - WAITS_FOR)

    def waits(self, now: datetime | None = None) -> bool:
        return super().waits() and self.asked_at > (now or timezone.now()) - WAITS_FOR
