"""Imports of persons from a CSV file: upload, dry run, confirmation, result."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.identity_change import IdentityChange
from identity_manager.models.people.person import Person
from identity_manager.models.people.role import Role
from identity_manager.models.second_officer import (
    SecondOfficerDecision,
    SecondOfficerQuerySet,
    never_the_asker,
)


class ImportState(models.TextChoices):
    UPLOADED = "uploaded", _("Looked through")
    WAITING = "waiting", _("Waits for a second officer")
    DONE = "done", _("Imported")
    REFUSED = "refused", _("Not confirmed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


S = ImportState
OPEN = (S.UPLOADED, S.WAITING)


@dataclass(frozen=True)
class Figures:
    """Numbers of persons deactivated, locked or created, and of e-mail addresses changed."""

    left: int
    emails_changed: int
    created: int

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.left + other.left,
            self.emails_changed + other.emails_changed,
            self.created + other.created,
        )


class PersonImportQuerySet(SecondOfficerQuerySet["PersonImport"]):
    def with_identities_for(self, officer: Person, now: datetime | None = None) -> Self:
        """Imports whose new identities this officer confirms together; oldest first.

        In Python: people.imports.identities.obstacle.
        """
        changes = IdentityChange.objects.decidable_by(officer, now).filter(person_import__isnull=False)
        rows = self.filter(officer.reach({self.model.DECIDER}, self.model.UNIT), state=S.DONE)
        rows = rows.filter(pk__in=changes.order_by().values("person_import"))
        return rows.exclude(asked_by=officer).order_by("asked_at", "pk")

    def figures_since(self, moment: datetime) -> "Figures":
        """Sums over all imports since then."""
        done = self.filter(state=S.DONE, ended_at__gt=moment)
        rows = list(done.values_list("leaving", "emails_changed", "counts"))
        return Figures(
            left=sum(left for left, _changed, _counts in rows),
            emails_changed=sum(changed for _left, changed, _counts in rows),
            created=sum(counts.get("create", 0) for _left, _changed, counts in rows),
        )

    def forgotten(self, before: datetime) -> Self:
        """Imports that nobody continued."""
        return self.filter(state__in=OPEN, asked_at__lt=before)


class PersonImport(Stateful, SecondOfficerDecision):
    """An uploaded file of persons. Its content is personal data and erased at the end of the import.

    Above the limits of the breaker a second officer decides (people.breaker). leaving, emails_changed:
    how many persons it deactivated or locked, and how many existing e-mail addresses it changed or asked to
    change.
    """

    DECIDER = Role.REGISTRATION_OFFICER  # for all units: a file may bring persons of any

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    file_name = models.CharField(max_length=200)
    content = BytesField(null=True)
    sha256 = models.CharField(max_length=64)
    accept_partial = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)
    leaving = models.PositiveIntegerField(default=0, db_default=0)
    emails_changed = models.PositiveIntegerField(default=0, db_default=0)
    state = StateField(max_length=16, choices=ImportState.choices, default=S.UPLOADED, protected=True)

    objects = PersonImportQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            state_constraint(ImportState, "person_import_state"),
            never_the_asker("person_import_four_eyes"),
        ]

    def __str__(self) -> str:
        return self.file_name

    @classmethod
    def waiting_condition(cls, _now: datetime) -> Q:
        return Q(state=S.WAITING)

    def waits(self, _now: datetime | None = None) -> bool:
        return bool(self.state == S.WAITING)

    @transition(field=state, source=S.UPLOADED, target=S.WAITING)
    def wait(self, *, accept_partial: bool) -> None:
        """The breaker stops the import: a second officer decides."""
        self.accept_partial = accept_partial

    @transition(field=state, source=list(OPEN), target=S.DONE)
    def finish(self, *, counts: dict[str, int], leaving: int, emails_changed: int, now: datetime) -> None:
        """The persons are created and changed."""
        self.counts = counts
        self.leaving = leaving
        self.emails_changed = emails_changed
        self._end(now)

    @transition(field=state, source=S.WAITING, target=S.REFUSED)
    def refuse(self, *, by: Person, reason: str, now: datetime) -> None:
        """The second officer rejects the import."""
        self.decided_by, self.decided_at = by, now
        self.reason = reason
        self._end(now)

    @transition(field=state, source=list(OPEN), target=S.WITHDRAWN)
    def withdraw(self, *, now: datetime) -> None:
        """The import is withdrawn by an officer, or was left open for too long."""
        self._end(now)

    def _end(self, now: datetime) -> None:
        self.content = None
        self.ended_at = now
