"""What SCIM clients have written: users and groups as they sent them, and the tokens that they write with.

A SCIM client pushes. Its words are kept here as they came, and a run of the source reads them as it reads any
directory, so that breaker, second officers and leavers are the same for all (people.directory_runs).
"""

import hashlib
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.state_machine import state_constraint
from identity_manager.models.directory.source import DirectorySource
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.role import Role
from identity_manager.models.second_officer import (
    ConsentState,
    SecondOfficerQuerySet,
    StatefulDecision,
    four_eyes,
)

MOST_NAME = 200


class ScimKind(models.TextChoices):
    """The names are those of SCIM's resource types (RFC 7643 4)."""

    USER = "User", _("User")
    GROUP = "Group", _("Group")


class ScimResource(models.Model):
    """A user or a group of one source. Its id is what the client knows it by, for ever.

    name_key: userName, folded, which is unique among those that are not deleted; of a group displayName.
    body: the resource in JSON, without id and meta; empty once deleted. version: counts the changes.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.ForeignKey(DirectorySource, on_delete=models.PROTECT, related_name="scim_resources")
    kind = models.CharField(max_length=8, choices=ScimKind)
    name_key = models.CharField(max_length=MOST_NAME)
    external_key = models.CharField(max_length=MOST_NAME, blank=True)
    body = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    modified_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "name_key"],
                condition=Q(kind=ScimKind.USER, deleted_at__isnull=True),
                name="scim_user_name_once",
            ),
            models.CheckConstraint(condition=Q(kind__in=ScimKind.values), name="scim_resource_kind"),
        ]
        indexes = [
            models.Index(fields=["source", "kind", "name_key"], name="scim_resource_name"),
            models.Index(fields=["source", "kind", "external_key"], name="scim_resource_external"),
            models.Index(fields=["source", "modified_at"], name="scim_resource_modified"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class ScimTokenQuerySet(SecondOfficerQuerySet["ScimToken"]):
    def usable(self, now: datetime) -> Self:
        """Tokens that a client may write with."""
        return self.filter(state=ConsentState.CONFIRMED, revoked_at=None, expires_at__gt=now)

    def of(self, secret: str) -> Self:
        """The row of a token, by what the client sends."""
        return self.filter(digest=hashlib.sha256(secret.encode()).hexdigest())


class ScimToken(StatefulDecision):
    """The bearer token of one SCIM client: one System Administrator makes it, another one confirms it.

    The token is shown once, to who makes it; digest: its SHA-256, which suffices for 256 random bits.
    """

    DECIDER = Role.SYSTEM_ADMINISTRATOR

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.ForeignKey(DirectorySource, on_delete=models.PROTECT, related_name="scim_tokens")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ScimTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            state_constraint(ConsentState, "scim_token_state"),
            four_eyes("scim_token_four_eyes"),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.name}"

    def is_usable(self, now: datetime) -> bool:
        """As ScimTokenQuerySet.usable, of a row that was read."""
        is_confirmed = self.state == ConsentState.CONFIRMED
        return is_confirmed and self.revoked_at is None and self.expires_at > now
