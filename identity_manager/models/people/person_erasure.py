"""Erasures of persons: asked for by one Registration Officer, confirmed by another."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person


class PersonErasureQuerySet(models.QuerySet["PersonErasure"]):
    def waiting(self) -> Self:
        """Erasures that a second officer has not confirmed yet."""
        return self.filter(erased_at=None, withdrawn_at=None)


class PersonErasure(models.Model):
    """That a person is to be erased, or was."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="erasures")
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    confirmed_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
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
                condition=Q(erased_at=None)
                | (Q(confirmed_by__isnull=False) & ~Q(confirmed_by=F("asked_by"))),
                name="person_erasure_four_eyes",
            ),
        ]
