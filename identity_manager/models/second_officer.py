"""Second-officer consent: one officer asks for something, another one decides on it.

Every table of decisions that one second officer takes inherits SecondOfficerDecision, so that they have one
rule of four eyes. It has three forms, all in this module: `decidable_by` (SQL: the rows of an officer),
`deciding_exclusion` (Python: one row and one officer) and `second_officers` (SQL: the officers of a row).
Four kinds of decisions have a rule of their own: approvals of requests (models/requests/deciding.py), role
reviews and delivery problems, which one officer answers, and recovery certificates, which two confirm.
tests/identity_manager/models/test_second_officer.py tests that the three agree.
"""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import ClassVar, Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.state_machine import StateField, Stateful
from identity_manager.models.people.person import Person, PersonQuerySet
from identity_manager.models.people.role import Role
from identity_manager.models.people.vouching import Exclusion, officers_who_vouched, vouched_by


class ConsentState(models.TextChoices):
    WAITING = "waiting", _("Waits for confirmation")
    CONFIRMED = "confirmed", _("Confirmed")
    REFUSED = "refused", _("Not confirmed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


Row = TypeVar("Row", bound="SecondOfficerDecision", covariant=True)


class SecondOfficerQuerySet(models.QuerySet[Row]):
    def waiting(self, now: datetime | None = None) -> Self:
        """Rows that wait for a second officer."""
        return self.filter(self.model.waiting_condition(now or timezone.now()))

    def decidable_by(self, officer: Person, now: datetime | None = None) -> Self:
        """Rows that wait and on which this officer may decide, oldest first.

        It reads the roles of the officer alone, so that a page can count several of these in one query.
        """
        now = now or timezone.now()
        if not officer.is_active:
            return self.none()
        rows = self.waiting(now).filter(self.model.office_condition(officer))
        for excluded in self.model.exclusion_conditions(officer, now).values():
            rows = rows.exclude(excluded)
        return rows.order_by("asked_at", "pk")


class SecondOfficerDecision(models.Model):
    """Four eyes: who asked and when; who confirmed or refused, when, and why not.

    asked_by is null where an operator asked by a command. DECIDER: the role of the second officer. UNIT: the
    path to the organisational unit that they need the role for; empty: for all units.
    """

    DECIDER: ClassVar[Role]
    UNIT: ClassVar[str] = ""

    asked_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, default="", db_default="")

    class Meta:
        abstract = True

    @classmethod
    def waiting_condition(cls, now: datetime) -> Q:
        """SQL form of `waits`: the row waits for a second officer."""
        raise NotImplementedError

    def waits(self, now: datetime | None = None) -> bool:
        """Python form of `waiting_condition`."""
        raise NotImplementedError

    @classmethod
    def office_condition(cls, officer: Person) -> Q:
        """In SQL: the rows for which the officer holds the role of the second officer."""
        return officer.reach({cls.DECIDER}, cls.UNIT)

    @property
    def decider(self) -> Role:
        """In Python: the role of the second officer of the row."""
        return self.DECIDER

    @classmethod
    def exclusion_conditions(cls, officer: Person, _now: datetime) -> Mapping[Exclusion, Q]:
        """In SQL: the rows on which the officer does not decide, whatever roles they hold."""
        return {Exclusion.ASKED: Q(asked_by=officer)}

    def excluded_officers(self) -> Mapping[Exclusion, Collection[uuid.UUID]]:
        """In Python: who does not decide on the row; the first reason is the one that is told."""
        return {Exclusion.ASKED: {self.asked_by_id} if self.asked_by_id else set()}

    @property
    def unit(self) -> str:
        """The organisational unit that the second officer needs the role for; empty: all."""
        return ""

    def deciding_exclusion(self, officer: Person) -> Exclusion | None:
        """Exclusion of this officer from the decision, or None. It says nothing of whether the row waits."""
        if not (officer.is_active and officer.has_role(self.decider, unit=self.unit)):
            return Exclusion.OFFICE
        excluded = self.excluded_officers().items()
        return next((why for why, officers in excluded if officer.pk in officers), None)

    def second_officers(self) -> PersonQuerySet:
        """Officers who may decide on the row, by name."""
        officers = Person.objects.holding(self.decider, unit=self.unit)
        for excluded in self.excluded_officers().values():
            officers = officers.exclude(pk__in=excluded)
        return officers.order_by("search_text__by_name", "pk")


class DecisionAboutPerson(SecondOfficerDecision):
    """A decision about `person`: neither they nor who vouched for them decide."""

    DECIDER = Role.REGISTRATION_OFFICER
    UNIT = "person__organisational_unit"

    person: "models.ForeignKey[Person, Person]"
    person_id: uuid.UUID

    class Meta:
        abstract = True

    @classmethod
    def exclusion_conditions(cls, officer: Person, now: datetime) -> Mapping[Exclusion, Q]:
        own = {Exclusion.OWN: Q(person=officer)}
        return {**own, **super().exclusion_conditions(officer, now), **vouched_by(officer.pk, now)}

    def excluded_officers(self) -> Mapping[Exclusion, Collection[uuid.UUID]]:
        own = {Exclusion.OWN: {self.person_id}}
        return {**own, **super().excluded_officers(), **officers_who_vouched(self.person)}

    @property
    def unit(self) -> str:
        return self.person.organisational_unit


class StatefulDecision(Stateful, SecondOfficerDecision):
    """A decision with a state of its own: for tables that have no other.

    The table's Meta takes state_constraint(ConsentState, ...) and four_eyes(...). Where it was withdrawn,
    decided_by is who did that.
    """

    state = StateField(
        max_length=16, choices=ConsentState.choices, default=ConsentState.WAITING, protected=True
    )

    class Meta:
        abstract = True

    @classmethod
    def waiting_condition(cls, _now: datetime) -> Q:
        return Q(state=ConsentState.WAITING)

    def waits(self, _now: datetime | None = None) -> bool:
        return bool(self.state == ConsentState.WAITING)

    @transition(field="state", source=ConsentState.WAITING, target=ConsentState.CONFIRMED)
    def confirm(self, *, by: Person, now: datetime) -> None:
        """A second officer agrees."""
        self.decided_by = by
        self.decided_at = now

    @transition(field="state", source=ConsentState.WAITING, target=ConsentState.REFUSED)
    def refuse(self, *, by: Person, reason: str, now: datetime) -> None:
        """A second officer does not agree."""
        self.decided_by = by
        self.decided_at = now
        self.reason = reason

    @transition(field="state", source=ConsentState.WAITING, target=ConsentState.WITHDRAWN)
    def withdraw(self, *, by: Person | None, reason: str, now: datetime) -> None:
        """The asker takes the request back, or what it was about has ended."""
        self.decided_by = by
        self.decided_at = now
        self.reason = reason


def never_the_asker(name: str) -> models.CheckConstraint:
    """CHECK constraint: who decided did not ask."""
    condition = Q(decided_by=None) | ~Q(decided_by=F("asked_by"))
    return models.CheckConstraint(condition=condition, name=name)


def four_eyes(name: str, **confirmed: object) -> models.CheckConstraint:
    """CHECK constraint: asker and decider of a confirmed row differ. confirmed: values of a confirmed row."""
    second = Q(decided_by__isnull=False) & (Q(asked_by=None) | ~Q(decided_by=F("asked_by")))
    return models.CheckConstraint(condition=~Q(**(confirmed or {"state": "confirmed"})) | second, name=name)
