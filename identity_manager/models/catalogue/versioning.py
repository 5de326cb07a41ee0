"""Catalogue entries come in versions: one row each, and one of a code is active.

A version begins as a draft. Where two persons have to put it in force, who made it asks, and somebody who
has not worked on it activates it or refuses.
"""

from typing import Self, TypeVar

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from identity_manager.models.people.person import Person

Row = TypeVar("Row", bound=models.Model, covariant=True)


class VersionState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    RETIRED = "retired", _("Retired")


class VersionedQuerySet(models.QuerySet[Row]):
    def active(self) -> Self:
        """The version of each code that is in force."""
        return self.filter(state=VersionState.ACTIVE)

    def drafts(self) -> Self:
        """What is being worked on; at most one of each code."""
        return self.filter(state=VersionState.DRAFT)

    def waiting_for(self, person: Person) -> Self:
        """Drafts whose activation was asked for, and that this person has not worked on."""
        return self.drafts().filter(asked_at__isnull=False).exclude(editors=person)


class Drafted(models.Model):
    """Who has worked on a draft, who asked for its activation, and why that was refused the last time."""

    editors = models.ManyToManyField(Person, related_name="+", editable=False)
    asked_by = models.ForeignKey(
        Person, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    asked_at = models.DateTimeField(null=True, editable=False)
    refused_by = models.ForeignKey(
        Person, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    refusal = models.TextField(blank=True, editable=False)

    class Meta:
        abstract = True

    def forget_question(self) -> None:
        """Nobody is asked (any more), and an earlier refusal is answered."""
        self.asked_by = self.asked_at = self.refused_by = None
        self.refusal = ""


def in_language(english: str, german: str) -> str:
    """The German words where German is spoken and they are there."""
    return german if german and (get_language() or "").startswith("de") else english
