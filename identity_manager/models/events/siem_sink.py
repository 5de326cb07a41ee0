"""SIEM sinks: receivers of every sealed audit event. The settings configure them; the row has the cursor."""

from typing import Self

from django.conf import settings
from django.db import models

from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet


class SiemSinkQuerySet(LeasedQuerySet["SiemSink"]):
    def configured(self) -> Self:
        """The rows of the sinks that the settings have."""
        return self.filter(name__in=list(settings.SIEM_SINKS))


class SiemSink(Leased):
    """Cursor of one entry of SIEM_SINKS, by its name.

    number: of the last audit event that the receiver has confirmed; the next batch begins after it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60, unique=True)
    number = models.BigIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)

    objects = SiemSinkQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
