"""The last backup, as the backup command reports it."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q


class LastBackup(models.Model):
    """One row. made_at: when the last good backup was complete. error: why a later one failed.

    An installation with other backup tools reports by `manage.py backup --note`.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    made_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="last_backup_one")]

    @classmethod
    def read(cls) -> Self:
        """The row; an empty one where none was written."""
        return cls.objects.filter(pk=1).first() or cls()

    @property
    def has_failed(self) -> bool:
        return self.failed_at is not None

    def is_overdue(self, now: datetime) -> bool:
        """Whether the last good backup is older than BACKUP_WITHIN_HOURS, or there is none."""
        hours = settings.BACKUP_WITHIN_HOURS
        return bool(hours) and (self.made_at is None or self.made_at < now - timedelta(hours=hours))
