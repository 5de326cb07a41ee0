"""Versions of catalogue entries: one row each; at most one per code is active.

A version begins as a draft. Under four eyes its editor asks for activation, and an officer who has not edited
it activates or refuses it.
"""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from identity_manager.models.people.person import Person
from identity_manager.models.people.role import Role
from identity_manager.models.people.vouching import Exclusion
from identity_manager.models.second_officer import (
    Row,
    SecondOfficerDecision,
    SecondOfficerQuerySet,
)


class VersionState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    RETIRED = "retired", _("Retired")


class VersionedQuerySet(SecondOfficerQuerySet[Row]):
    def active(self) -> Self:
        """The active version of each code."""
        return self.filter(state=VersionState.ACTIVE)

    def drafts(self) -> Self:
        """Drafts; at most one of each code."""
        return self.filter(state=VersionState.DRAFT)


class Drafted(SecondOfficerDecision):
    """The editors of a draft, who asked for its activation, and the last refusal.

    It waits while asked_at is set; a refusal sets it to null.
    """

    DECIDER = Role.SYSTEM_ADMINISTRATOR  # for all units, as the catalogue is

    editors = models.ManyToManyField(Person, related_name="+", editable=False)
    asked_by = models.ForeignKey(
        Person, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    asked_at = models.DateTimeField(null=True, editable=False)  # type: ignore[assignment]  # nobody, as yet
    decided_by = models.ForeignKey(
        Person,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        db_column="refused_by_id",
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    reason = models.TextField(blank=True, default="", db_default="", editable=False, db_column="refusal")

    class Meta:
        abstract = True

    @classmethod
    def waiting_condition(cls, _now: datetime) -> Q:
        return Q(asked_at__isnull=False)

    def waits(self, _now: datetime | None = None) -> bool:
        return self.asked_at is not None

    @classmethod
    def exclusion_conditions(cls, officer: Person, _now: datetime) -> Mapping[Exclusion, Q]:
        return {Exclusion.EDITED: Q(editors=officer)}  # who asked is one of them

    def excluded_officers(self) -> Mapping[Exclusion, Collection[uuid.UUID]]:
        return {Exclusion.EDITED: self.editors.values_list("pk", flat=True)}

    def forget_question(self) -> None:
        """Withdraw the request for activation and clear an earlier refusal."""
        self.asked_by = self.asked_at = self.decided_by = self.decided_at = None
        self.reason = ""

    def give_back(self, *, by: Person, reason: str, now: datetime) -> None:
        """A second officer refuses activation, with a reason; the editor may ask again."""
        self.forget_question()
        self.decided_by, self.decided_at, self.reason = by, now, reason


class VersionedEntry(Drafted):
    """A draft that becomes a version: it waits only while it is a draft."""

    state: str

    class Meta:
        abstract = True

    @classmethod
    def waiting_condition(cls, now: datetime) -> Q:
        return super().waiting_condition(now) & Q(state=VersionState.DRAFT)

    def waits(self, now: datetime | None = None) -> bool:
        return super().waits(now) and self.state == VersionState.DRAFT
