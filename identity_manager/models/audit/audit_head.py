"""State of the audit log: end of the chain, signed heads, results of verification."""

from datetime import UTC, datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet
from identity_manager.models.people.person import Person


class AuditChain(models.Model):
    """End of the chain, one row. turn admits one sealer at a time: each increments it by compare-and-swap."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    turn = models.BigIntegerField(default=0)
    number = models.BigIntegerField(default=0)
    chain = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="audit_chain_one")]


class HeadKind(models.TextChoices):
    HEAD = "head", "head"  # on no screen
    CHECKPOINT = "checkpoint", _("checkpoint: what was before it has been removed")


class AuditHeadQuerySet(models.QuerySet["AuditHead"]):
    def beyond(self, number: int) -> Self:
        """Heads of later events, in order."""
        return self.filter(kind=HeadKind.HEAD, number__gt=number).order_by("number")

    def covering(self, number: int) -> "AuditHead | None":
        """The first head at or after the event; None as long as there is none."""
        return self.filter(kind=HeadKind.HEAD, number__gte=number).order_by("number").first()

    def newest(self) -> "AuditHead | None":
        """The head of the latest event."""
        return self.filter(kind=HeadKind.HEAD).order_by("-number").first()


class AuditHead(models.Model):
    """A signed head: the link at this number. A checkpoint begins a chain whose beginning was removed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=16, choices=HeadKind, default=HeadKind.HEAD)
    installation = models.CharField(max_length=200)
    number = models.BigIntegerField()
    chain = models.CharField(max_length=64, blank=True)
    signed_at = models.DateTimeField(default=timezone.now)
    key = models.CharField(max_length=32)
    public_key = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)

    objects = AuditHeadQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "number"], name="audit_head_once"),
            models.CheckConstraint(condition=Q(kind__in=HeadKind.values), name="audit_head_kind"),
        ]

    @property
    def statement(self) -> dict[str, Any]:
        """The signed bytes."""
        return {
            "kind": str(self.kind),
            "installation": self.installation,
            "number": self.number,
            "chain": self.chain,
            "signed_at": self.signed_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "key": self.key,
        }

    @property
    def as_json(self) -> dict[str, Any]:
        """The head as it is exported."""
        return {
            "statement": self.statement,
            "signature": self.signature,
            "public_key": self.public_key,
        }


class AuditHeadExport(Leased):
    """How far heads were exported to one destination outside the database."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    destination = models.CharField(max_length=300, unique=True)
    number = models.BigIntegerField(default=0)
    exported_at = models.DateTimeField(null=True)

    objects = LeasedQuerySet["AuditHeadExport"].as_manager()


class AuditCheckQuerySet(LeasedQuerySet["AuditCheck"]):
    def finished(self) -> Self:
        """Verifications that read the whole log, newest first."""
        return self.filter(is_open=False, finished_at__isnull=False)


class AuditCheck(Leased):
    """One verification of the whole log, started on a page or by the schedule."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    asked_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    is_open = models.BooleanField(default=True)
    first = models.BigIntegerField(default=0)
    last = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    heads = models.BigIntegerField(default=0)
    waiting = models.BigIntegerField(default=0)
    findings = models.JSONField(default=list)

    objects = AuditCheckQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_open"], condition=Q(is_open=True), name="audit_check_one_at_a_time"
            )
        ]

    @property
    def is_sound(self) -> bool:
        return self.finished_at is not None and not self.findings

    @property
    def is_given_up(self) -> bool:
        """Whether it failed for good and is not retried; last_error says why."""
        return not self.is_open and self.finished_at is None

    def give_up(self, error: str, *, now: datetime) -> None:
        """Give up after the last attempt. A failed verification says nothing about the log's integrity."""
        self.settle_lease()
        self.is_open = False
        self.last_error, self.last_error_at = error, now
