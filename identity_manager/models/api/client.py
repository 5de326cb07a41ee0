"""Clients of the REST API: their scopes, units and credentials, and idempotent calls."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.state_machine import state_constraint
from identity_manager.models.client_credential import ClientCredential, ClientCredentialQuerySet
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.second_officer import ConsentState, four_eyes


class ApiScope(models.TextChoices):
    """Scopes of API clients. None approves, confirms, recovers or gives roles."""

    PERSONS_READ = "persons:read", _("Read persons")
    GROUPS_READ = "groups:read", _("Read groups of directories")
    TYPES_READ = "types:read", _("Read token types")
    REQUESTS_READ = "requests:read", _("Read requests and batch orders")
    REQUESTS_WRITE = "requests:write", _("Request and renew software tokens, cancel requests")
    TOKENS_READ = "tokens:read", _("Read software tokens and certificates")
    TOKENS_REVOKE = "tokens:revoke", _("Revoke software tokens, put them on hold, reinstate them")
    BATCH_WRITE = "batch:write", _("Give batch orders")
    EVENTS_READ = "events:read", _("Read audit events")


class ApiMethod(models.TextChoices):
    BEARER = "bearer", _("Bearer token")
    CERTIFICATE = "certificate", _("Client certificate (mutual TLS)")


class ApiClientQuerySet(ClientCredentialQuerySet["ApiClient"]):
    def actors_made_by(self, officer_id: uuid.UUID) -> models.QuerySet["ApiClient", Any]:
        """The persons of the clients that the officer has made or confirmed; as Person.client_makers."""
        return self.filter(Q(asked_by=officer_id) | Q(decided_by=officer_id)).order_by().values("actor")


class ApiClient(ClientCredential):
    """One client of the REST API.

    actor: the person as whom it acts, who cannot sign in, and who is a Software Token Administrator from the
    confirmation to the end. scopes: of ApiScope. units: organisational units whose persons it reaches; empty:
    all. calls: number of calls in `minute` (minutes since 1970), for its rate limit.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    actor = models.OneToOneField(Person, on_delete=models.PROTECT, related_name="api_client")
    method = models.CharField(max_length=16, choices=ApiMethod, default=ApiMethod.BEARER)
    scopes = models.JSONField(default=list)
    units = models.JSONField(default=list)
    minute = models.PositiveIntegerField(default=0)
    calls = models.PositiveIntegerField(default=0)

    objects = ApiClientQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            state_constraint(ConsentState, "api_client_state"),
            four_eyes("api_client_four_eyes"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope_labels(self) -> list[str]:
        """Labels of the client's scopes."""
        return [str(scope.label) for scope in ApiScope if scope in self.scopes]


class IdempotentCall(models.Model):
    """One call of a client under an idempotency key, with the answer that a repetition gets.

    request_sha256: of method, path and body, so that another call under the same key is refused. body: the
    answer; it names rows by id and holds no name of a person. status is 0 while the call runs, which nobody
    else sees: the row is committed with the answer.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "key"], name="api_idempotency_key_once")]
        indexes = [models.Index(fields=["created_at"], name="api_idempotent_call_age")]

    def __str__(self) -> str:
        return f"{self.client_id}: {self.key}"
