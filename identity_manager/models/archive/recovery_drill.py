"""Recovery drills: a yearly proof that archived keys can still be opened."""

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import state_constraint
from identity_manager.models.archive.recovery_certificate import RecoveryCertificate
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.role import Role
from identity_manager.models.second_officer import (
    ConsentState,
    SecondOfficerQuerySet,
    StatefulDecision,
    four_eyes,
)

EVERY = timedelta(days=365)
ASKED_BEFORE = timedelta(days=30)


class RecoveryCanary(models.Model):
    """A canary key without owner, archived as any key, which drills open."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    certificate = models.OneToOneField(RecoveryCertificate, on_delete=models.PROTECT, related_name="canary")
    public_key_sha256 = models.CharField(max_length=64)
    envelope_wrapped = BytesField()
    archived_at = models.DateTimeField(default=timezone.now)

    owner_id: uuid.UUID | None = None  # it is opened as archived keys are, whose owner is bound to them

    def __str__(self) -> str:
        return self.public_key_sha256[:16]


class RecoveryDrillQuerySet(SecondOfficerQuerySet["RecoveryDrill"]):
    def under_way(self) -> Self:
        """Asked for or confirmed, and neither proved nor failed."""
        states = (ConsentState.WAITING, ConsentState.CONFIRMED)
        return self.filter(state__in=states, proved_at=None, failed_at=None)

    def to_carry_out(self) -> Self:
        """Drills that a second officer has confirmed."""
        return self.filter(state=ConsentState.CONFIRMED, proved_at=None, failed_at=None)


class RecoveryDrill(StatefulDecision):
    """One drill for one recovery certificate: asked for, confirmed by another officer, then proved or failed.

    failure: code of the reason.
    """

    DECIDER = Role.RECOVERY_OFFICER

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    certificate = models.ForeignKey(RecoveryCertificate, on_delete=models.PROTECT, related_name="drills")
    proved_at = models.DateTimeField(_("proved"), null=True)
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=64, blank=True)

    objects = RecoveryDrillQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            state_constraint(ConsentState, "recovery_drill_state"),
            four_eyes("recovery_drill_four_eyes"),
            models.UniqueConstraint(
                fields=["certificate"],
                condition=Q(state__in=("waiting", "confirmed"), proved_at=None, failed_at=None),
                name="recovery_drill_one_under_way",
            ),
            models.CheckConstraint(
                condition=Q(proved_at=None) | Q(state="confirmed", failed_at=None),
                name="recovery_drill_proved",
            ),
        ]

    def __str__(self) -> str:
        return str(self.certificate)

    @property
    def is_to_be_carried_out(self) -> bool:
        return bool(self.state == ConsentState.CONFIRMED and not self.proved_at and not self.failed_at)


def due_since(certificate: RecoveryCertificate, last_proof: datetime | None) -> datetime | None:
    """Deadline of the next proof: a year after the last one, or after the certificate came into force."""
    begun = last_proof or certificate.second_at
    return begun + EVERY if begun else None
