"""The audit log: appended in the transaction of the change; sealed (hash chain, MAC) a moment later."""

import uuid
from datetime import UTC
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from identity_manager import audit_proof
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_request import TokenRequest

# Facts that are identifiers, states or counts. Every other fact may hold words about somebody: the chain
# covers it by a salted hash, so that it can be erased.
PLAIN_FACTS = frozenset(
    {
        "answers",
        "batch",
        "certificate",
        "counts",
        "directory_run",
        "directory_source",
        "endpoint",
        "expires_at",
        "fields",
        "fingerprint",
        "first",
        "format",
        "hold_back",
        "issuer",
        "job",
        "last",
        "locked_out",
        "method",
        "needs_confirmation",
        "number",
        "opening",
        "older_withdrawn",
        "public_key",
        "public_keys",
        "purpose",
        "role",
        "rows",
        "serial",
        "sink",
        "state",
        "target",
        "times",
        "token_type",
        "types",
        "until",
        "version",
    }
)


# The columns that the wording of an event reads.
WORDING_COLUMNS = (
    *("name", "at", "facts", "actor_ref", "body_sha256"),
    *("actor", "request", "person", "token"),
)


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def with_wording_columns(self) -> Self:
        """Events with the columns that their wording reads, newest first."""
        return self.with_names().only(*WORDING_COLUMNS).order_by("-pk")

    def with_names(self) -> Self:
        """Events with the names of actor and token, without their rows: actor_name, token_name (Texts)."""
        return self.annotate(actor_name=F("actor__display_name"), token_name=F("token__token_type__name"))

    def of_restores(self) -> Self:
        """Events that the database was restored to an earlier moment."""
        return self.filter(name="system.restored")

    def unsealed(self) -> Self:
        """Events that are not sealed yet, in sealing order."""
        return self.filter(number=None).order_by("pk")

    def sealed(self) -> Self:
        """Events of the chain, in order."""
        return self.filter(number__isnull=False).order_by("number")


class AuditEvent(models.Model):
    """One event: who, what, about whom, when. actor is null for the system itself.

    actor_ref and person_ref are salted references, which stay when somebody is erased and actor or person
    becomes null. The columns from number on are written by the sealer: position in the chain, hash of the
    content and its form, previous link, own link, the MAC and the version of its key. body_sha256 replaces
    the body once retention has removed it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60)
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="events")
    request = models.ForeignKey(TokenRequest, null=True, on_delete=models.PROTECT, related_name="events")
    token = models.ForeignKey(SoftwareToken, null=True, on_delete=models.PROTECT, related_name="events")
    facts = models.JSONField(default=dict)
    actor_ref = models.CharField(max_length=64, blank=True, editable=False)
    person_ref = models.CharField(max_length=64, blank=True, editable=False)
    facts_salt = models.CharField(max_length=32, blank=True, editable=False)
    personal_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    number = models.BigIntegerField(null=True, unique=True, editable=False)
    content_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    previous = models.CharField(max_length=64, blank=True, editable=False)
    chain = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    mac = models.CharField(max_length=64, blank=True, editable=False)
    mac_key = models.CharField(max_length=32, blank=True, editable=False)
    form = models.PositiveSmallIntegerField(
        default=audit_proof.FIRST_FORM, db_default=audit_proof.FIRST_FORM, editable=False
    )
    body_sha256 = models.CharField(max_length=64, blank=True, db_default="", editable=False)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["name", "at"], name="audit_event_name"),
            models.Index(fields=["name", "id"], name="audit_event_name_age"),
            models.Index(fields=["id"], name="audit_event_unsealed", condition=Q(number=None)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_sealed(self) -> bool:
        return self.number is not None

    @property
    def is_body_removed(self) -> bool:
        return bool(self.body_sha256)

    @property
    def is_body_empty(self) -> bool:
        """Whether retention has removed the body."""
        persons = (self.actor_id, self.person_id, self.actor_ref, self.person_ref)
        things = (self.request_id, self.token_id)
        return not any((*persons, *things, self.facts, self.facts_salt, self.personal_sha256))

    @property
    def own_hash(self) -> str:
        """The hash of the present content, in the form of its sealing."""
        return audit_proof.content_hash(self.content, form=self.form, body_sha256=self.body_sha256)

    @property
    def personal_facts(self) -> dict[str, Any]:
        """Facts that may hold words about a person."""
        return {name: value for name, value in self.facts.items() if name not in PLAIN_FACTS}

    @property
    def plain_facts(self) -> dict[str, Any]:
        """Facts that are identifiers, states or counts."""
        return {name: value for name, value in self.facts.items() if name in PLAIN_FACTS}

    @property
    def content(self) -> dict[str, Any]:
        """Content that the hash chain covers, as plain values."""
        return {
            "id": str(self.pk),
            "name": self.name,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": self.actor_ref,
            "person": self.person_ref,
            "request": _text(self.request_id),
            "token": _text(self.token_id),
            "facts": self.plain_facts,
            "personal": self.personal_sha256,
        }


def _text(identifier: uuid.UUID | None) -> str:
    return str(identifier) if identifier else ""


class AuditSalt(models.Model):
    """The salt of a person's references in the audit log. It is destroyed when the person is erased.

    Code that locks a person reads it with them, for the event that follows.
    """

    person = models.OneToOneField(
        Person, primary_key=True, on_delete=models.CASCADE, related_name="audit_salt"
    )
    salt = models.CharField(max_length=32)
