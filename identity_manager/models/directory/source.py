"""Directory sources of persons, configured by the settings; the rows have their state and links."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet
from identity_manager.models.people.leave import Leave
from identity_manager.models.people.person import Person


class RunMode(models.TextChoices):
    """Extent of a run: what changed since the last one, that and a list of all ids, or everything."""

    CHANGES = "changes", _("what has changed")
    IDS = "ids", _("what has changed, and who is still there")
    FULL = "full", _("everything")
    DRY = "dry", _("everything, as a dry run")


class DirectorySourceQuerySet(LeasedQuerySet["DirectorySource"]):
    def configured(self) -> Self:
        """The rows of the sources that the settings have."""
        return self.filter(name__in=list(settings.DIRECTORY_SOURCES))


class DirectorySource(Leased):
    """State of one entry of DIRECTORY_SOURCES, by its name; next_attempt_at is its next run.

    cursor: where the next incremental run begins, in the words of the source; configuration: hash of the
    settings that the cursor is valid for. wanted: the mode of a run that somebody asked for.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60, unique=True)
    cursor = models.JSONField(default=dict)
    configuration = models.CharField(max_length=64, blank=True)
    ids_read_at = models.DateTimeField(null=True)
    wanted = models.CharField(max_length=16, blank=True)
    wanted_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = DirectorySourceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(wanted__in=["", *RunMode.values]), name="directory_source_wanted"
            )
        ]

    def __str__(self) -> str:
        return self.name


class EntryState(models.TextChoices):
    """State of an entry in its source. ABSENT: missing in a complete list, or a tombstone was read."""

    ACTIVE = "active", _("active")
    LEAVING = "leaving", _("on leave")
    DISABLED = "disabled", _("disabled")
    EXPIRED = "expired", _("expired")
    LOCKED = "locked", _("locked for good")
    ABSENT = "absent", _("no longer there")


class DirectoryLinkQuerySet(models.QuerySet["DirectoryLink"]):
    def run_out(self, now: datetime) -> Self:
        """Links whose active account has expired since; directories do not report that as a change."""
        return self.filter(state=EntryState.ACTIVE, expires_at__lte=now)

    def not_seen_in(self, run_id: object) -> Self:
        """Links that a run did not find; meaningful only for a complete run with all ids."""
        return self.exclude(state=EntryState.ABSENT).exclude(seen_in=run_id)


class DirectoryLink(models.Model):
    """Link of a person to their entry in a source. A person belongs to one source at most.

    external_id: the immutable id of the entry (objectGUID, entryUUID, SCIM id, personnel number of a file).
    key: how other entries refer to it (distinguished name, or the same id). fingerprint: hash of the values
    that were applied last; empty: compare the entry again. state: last state in the source, since
    state_since. leave: the leave that this source began, the only one that it may end. seen_in: the last run
    that found the entry.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.ForeignKey(DirectorySource, on_delete=models.PROTECT, related_name="links")
    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="directory_link")
    external_id = models.CharField(max_length=200)
    key = models.CharField(max_length=500, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=16, choices=EntryState, default=EntryState.ACTIVE)
    state_since = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    leave = models.ForeignKey(Leave, null=True, on_delete=models.SET_NULL, related_name="+")
    seen_in = models.UUIDField(null=True)

    objects = DirectoryLinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="directory_link_once"),
            models.CheckConstraint(condition=Q(state__in=EntryState.values), name="directory_link_state"),
        ]
        indexes = [
            models.Index(fields=["source", "key"], name="directory_link_key"),
            models.Index(fields=["source", "seen_in"], name="directory_link_seen"),
            models.Index(
                fields=["expires_at"], condition=Q(expires_at__isnull=False), name="directory_link_expires"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_id}: {self.external_id}"
