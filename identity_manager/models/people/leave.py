"""Leaves: periods in which a person was Inactive, and the tokens put on hold for them."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person


class Leave(models.Model):
    """One period of being Inactive. Only tokens put on hold for it are reinstated with its end.

    began_by, ended_by: null where the operator of the machine, or the directory, did it.
    held_certificates: keys of those that it put on hold; null for a leave that an older release began.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="leaves")
    reason = models.TextField(blank=True)
    began_at = models.DateTimeField(default=timezone.now)
    began_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    was_self_service_user = models.BooleanField()
    held_certificates = models.JSONField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-began_at"]
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=Q(ended_at=None), name="leave_one_open")
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.began_at:%Y-%m-%d}"
