"""Changes of identities (e-mail, UPN, SID, external id) that wait for a second officer."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q

from ca_bridge.database.state_machine import state_constraint
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person, field_name
from identity_manager.models.people.vouching import Exclusion
from identity_manager.models.second_officer import (
    ConsentState,
    DecisionAboutPerson,
    SecondOfficerQuerySet,
    StatefulDecision,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class IdentityChangeQuerySet(SecondOfficerQuerySet["IdentityChange"]):
    def listed(self) -> Self:
        """Changes that are decided one by one; those of new persons of a file are confirmed on its page."""
        return self.exclude(is_entry=True, person_import__isnull=False)

    def confirmed(self) -> Self:
        """Changes to which a second officer has agreed."""
        return self.filter(state=ConsentState.CONFIRMED)


class IdentityChange(StatefulDecision, DecisionAboutPerson):  # type: ignore[misc, unused-ignore]  # both have the columns
    """A change of a person's e-mail, UPN, SID or external id, which a second officer confirms.

    old, new: values by field, of the changed fields. While it waits, nothing is delivered to the person and
    no passphrase is shown. is_entry: the first identity of a person entered by hand or by a file;
    person_import: that file. What several officers add to it becomes one change, asked for by the last of
    them: none of them decides on it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="identity_changes")
    old = models.JSONField()
    new = models.JSONField()
    source = models.CharField(max_length=16)
    is_entry = models.BooleanField(default=False, db_default=False)
    person_import = models.ForeignKey(
        "identity_manager.PersonImport", null=True, on_delete=models.PROTECT, related_name="identity_changes"
    )

    objects = IdentityChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            state_constraint(ConsentState, "identity_change_state"),
            models.UniqueConstraint(
                fields=["person"], condition=Q(state="waiting"), name="identity_change_one_waiting"
            ),
            models.CheckConstraint(
                condition=~Q(state="confirmed")
                | (Q(decided_by__isnull=False) & ~Q(decided_by=F("person")) & Q(asked_by=None))
                | (Q(decided_by__isnull=False) & ~Q(decided_by=F("person")) & ~Q(decided_by=F("asked_by"))),
                name="identity_change_four_eyes",
            ),
        ]

    def __str__(self) -> str:
        return ", ".join(str(label) for label, _old, _new in self.lines)

    @classmethod
    def exclusion_conditions(cls, officer: Person, now: datetime) -> Mapping[Exclusion, Q]:
        excluded = super().exclusion_conditions(officer, now)
        entered = cls.objects.filter(is_entry=True, asked_by=officer).order_by()
        asked = excluded[Exclusion.ASKED] | Q(is_entry=True, person__in=entered.values("person"))
        return {**excluded, Exclusion.ASKED: asked}

    def excluded_officers(self) -> Mapping[Exclusion, Collection[uuid.UUID]]:
        excluded = super().excluded_officers()
        if not self.is_entry:
            return excluded
        entries = IdentityChange.objects.filter(person=self.person_id, is_entry=True).exclude(asked_by=None)
        return {**excluded, Exclusion.ASKED: entries.order_by().values_list("asked_by", flat=True)}

    @property
    def lines(self) -> "list[tuple[StrOrPromise, str, str]]":
        """Label, old and new value of each field."""
        return [(field_name(name), self.old[name], value) for name, value in self.new.items()]
