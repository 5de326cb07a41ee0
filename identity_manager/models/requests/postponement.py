"""Postponements: a request is hidden from one approver's queue until a time."""

from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person


class PostponementQuerySet(models.QuerySet["Postponement"]):
    def due(self, now: datetime) -> Self:
        """Postponements whose time has come, the earliest first."""
        return self.filter(until__lte=now).order_by("until", "pk")


class Postponement(models.Model):
    """One approver has postponed a request, in one round; it stays in the queues of all others.

    The row is deleted when the request comes back to its approver.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.ForeignKey(
        "identity_manager.TokenRequest", on_delete=models.CASCADE, related_name="postponements"
    )
    round = models.PositiveSmallIntegerField()
    approver = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    until = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = PostponementQuerySet.as_manager()

    class Meta:
        ordering = ["until", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["request", "approver"], name="postponement_once_per_approver")
        ]

    def __str__(self) -> str:
        return f"{self.until:%Y-%m-%d %H:%M}"
