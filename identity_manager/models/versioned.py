"""Catalogue entries come in versions: one row each, and one of a code is active."""

from typing import Self, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

Row = TypeVar("Row", bound=models.Model, covariant=True)


class VersionState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    RETIRED = "retired", _("Retired")


class VersionedQuerySet(models.QuerySet[Row]):
    def active(self) -> Self:
        """The version of each code that is in force."""
        return self.filter(state=VersionState.ACTIVE)
