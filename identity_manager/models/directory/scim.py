"""SCIM resources (users and groups, as their clients sent them), and bearer tokens of SCIM clients.

A SCIM client pushes. Its resources are stored unchanged, and a run of the source reads them like any
directory, so that breaker, second officers and leavers work the same (people.directory_runs).
"""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.state_machine import state_constraint
from identity_manager.models.client_credential import ClientCredential, ClientCredentialQuerySet
from identity_manager.models.directory.source import DirectorySource
from identity_manager.models.identifiers import new_id
from identity_manager.models.second_officer import ConsentState, four_eyes

MOST_NAME = 200


class ScimKind(models.TextChoices):
    """The names are those of SCIM's resource types (RFC 7643 4)."""

    USER = "User", _("User")
    GROUP = "Group", _("Group")


class ScimResource(models.Model):
    """A user or group of one source. The client knows it by its id, which never changes.

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


class ScimTokenQuerySet(ClientCredentialQuerySet["ScimToken"]):
    """Tokens of SCIM clients."""


class ScimToken(ClientCredential):
    """The bearer token of one SCIM client."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.ForeignKey(DirectorySource, on_delete=models.PROTECT, related_name="scim_tokens")

    objects = ScimTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            state_constraint(ConsentState, "scim_token_state"),
            four_eyes("scim_token_four_eyes"),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.name}"
