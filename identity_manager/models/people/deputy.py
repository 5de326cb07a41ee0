"""Deputies: persons who decide on behalf of an Approver, from a first to a last day."""

from datetime import date
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person


class DeputyQuerySet(models.QuerySet["Deputy"]):
    def in_force(self, day: date) -> Self:
        """Deputies who act on that day: not ended early, and within the first and last day."""
        return self.not_over(day).filter(valid_from__lte=day)

    def not_over(self, day: date) -> Self:
        """Deputies who act on that day or later."""
        return self.filter(ended_at=None, valid_until__gte=day)


class Deputy(models.Model):
    """`deputy` decides as an Approver on behalf of `principal`, both days included.

    In every check of four eyes the two count as one person while it lasts. The row stays as evidence: an
    approval names it. ended_at, ended_by: a User Administrator ended it early; after its last day it ends by
    itself, without a job.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    principal = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="deputies")
    deputy = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="deputyships")
    organisational_unit = models.CharField(max_length=200, blank=True)
    valid_from = models.DateField(_("first day"))
    valid_until = models.DateField(_("last day"))
    assigned_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    assigned_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")

    objects = DeputyQuerySet.as_manager()

    class Meta:
        ordering = ["valid_from", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(principal=F("deputy")), name="deputy_is_somebody_else"),
            models.CheckConstraint(
                condition=Q(valid_until__gte=F("valid_from")), name="deputy_ends_after_it_begins"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deputy_id}: {self.principal_id}"

    def is_over(self, day: date) -> bool:
        """Whether it was ended, or its last day has passed."""
        return self.ended_at is not None or self.valid_until < day

    def reaches(self, unit: str) -> bool:
        """Whether the deputy decides for persons of this organisational unit."""
        return self.organisational_unit in ("", unit)

    def is_in_force(self, day: date) -> bool:
        """Whether the deputy acts on that day."""
        return self.ended_at is None and self.valid_from <= day <= self.valid_until
