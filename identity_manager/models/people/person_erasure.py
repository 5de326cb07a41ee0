"""Erasures of persons: one Registration Officer asks, another one confirms."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.second_officer import DecisionAboutPerson, SecondOfficerQuerySet


class PersonErasureQuerySet(SecondOfficerQuerySet["PersonErasure"]):
    """Erasures that wait, or were done or called off."""


class PersonErasure(DecisionAboutPerson):
    """The erasure of a person: waiting, done or withdrawn."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="erasures")
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")  # never the machine
    decided_by = models.ForeignKey(
        Person, null=True, on_delete=models.PROTECT, related_name="+", db_column="confirmed_by_id"
    )
    reason = None  # type: ignore[assignment]  # nobody refuses it with a reason: it is withdrawn
    erased_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = PersonErasureQuerySet.as_manager()

    class Meta:
        ordering = ["asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(erased_at=None, withdrawn_at=None),
                name="person_erasure_one_waiting",
            ),
            models.CheckConstraint(
                condition=Q(erased_at=None) | (Q(decided_by__isnull=False) & ~Q(decided_by=F("asked_by"))),
                name="person_erasure_four_eyes",
            ),
        ]

    @classmethod
    def waiting_condition(cls, _now: datetime) -> Q:
        return Q(erased_at=None, withdrawn_at=None)

    def waits(self, _now: datetime | None = None) -> bool:
        return self.erased_at is None and self.withdrawn_at is None
