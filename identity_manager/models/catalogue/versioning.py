"""Catalogue entries come in versions: one row each, and one of a code is active.

A version begins as a draft. Where two persons have to put it in force, who made it asks, and somebody who
has not worked on it activates it or refuses.
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
        """The version of each code that is in force."""
        return self.filter(state=VersionState.ACTIVE)

    def drafts(self) -> Self:
        """What is being worked on; at most one of each code."""
        return self.filter(state=VersionState.DRAFT)


class Drafted(SecondOfficerDecision):
    """Who has worked on a draft, who asked for its activation, and why that was refused the last time.

    It waits from asked_at on; a refusal gives it back, and nobody asks any more (asked_at is null again).
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
        """Nobody is asked (any more), and an earlier refusal is answered."""
        self.asked_by = self.asked_at = self.decided_by = self.decided_at = None
        self.reason = ""

    def give_back(self, *, by: Person, reason: str, now: datetime) -> None:
        """A second officer refuses: who made it reads why, and may ask again."""
        self.forget_question()
        self.decided_by, self.decided_at, self.reason = by, now, reason


class VersionedEntry(Drafted):
    """A draft that becomes a version: only as long as it is a draft, it waits."""

    state: str

    class Meta:
        abstract = True

    @classmethod
    def waiting_condition(cls, now: datetime) -> Q:
        return super().waiting_condition(now) & Q(state=VersionState.DRAFT)

    def waits(self, now: datetime | None = None) -> bool:
        return super().waits(now) and self.state == VersionState.DRAFT
