"""Imports of persons from a file, from the upload to the end."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.fields import BytesField
from ca_bridge.state import StateField, Stateful, state_constraint
from identity_manager.models.identifiers import new_id
from identity_manager.models.person import Person


class ImportState(models.TextChoices):
    UPLOADED = "uploaded", _("Looked through")
    WAITING = "waiting", _("Waits for a second officer")
    DONE = "done", _("Imported")
    REFUSED = "refused", _("Not confirmed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


S = ImportState
OPEN = (S.UPLOADED, S.WAITING)


class PersonImportQuerySet(models.QuerySet["PersonImport"]):
    def waiting_for(self, officer_id: object) -> Self:
        """Imports that another officer than who asked has to decide, oldest first."""
        return self.filter(state=S.WAITING).exclude(asked_by=officer_id).order_by("asked_at")

    def forgotten(self, before: datetime) -> Self:
        """Imports that nobody went on with."""
        return self.filter(state__in=OPEN, asked_at__lt=before)


class PersonImport(Stateful):
    """A file of persons. Its content is personal data, so it is dropped when the import has ended."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    file_name = models.CharField(max_length=200)
    content = BytesField(null=True)
    sha256 = models.CharField(max_length=64)
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    accept_partial = models.BooleanField(default=False)
    decided_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    counts = models.JSONField(default=dict)
    state = StateField(max_length=16, choices=ImportState.choices, default=S.UPLOADED, protected=True)

    objects = PersonImportQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            state_constraint(ImportState, "person_import_state"),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("asked_by")), name="person_import_four_eyes"
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @transition(field=state, source=S.UPLOADED, target=S.WAITING)
    def wait(self, *, accept_partial: bool) -> None:
        """The guard wants a second officer's word."""
        self.accept_partial = accept_partial

    @transition(field=state, source=list(OPEN), target=S.DONE)
    def finish(self, *, counts: dict[str, int], now: datetime) -> None:
        """The persons are created and changed."""
        self.counts = counts
        self._end(now)

    @transition(field=state, source=S.WAITING, target=S.REFUSED)
    def refuse(self, *, reason: str, now: datetime) -> None:
        """The second officer said no."""
        self.reason = reason
        self._end(now)

    @transition(field=state, source=list(OPEN), target=S.WITHDRAWN)
    def withdraw(self, *, now: datetime) -> None:
        """Who asked does not want it any more, or nobody went on with it."""
        self._end(now)

    def _end(self, now: datetime) -> None:
        self.content = None
        self.ended_at = now
