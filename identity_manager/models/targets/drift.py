"""Drift: differences between a target's certificates and the journal, found by a nightly survey."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.targets.placement import Placement
from identity_manager.models.targets.target import Target


class DriftKind(models.TextChoices):
    VANISHED = "vanished", _("Ours, and not there any more")
    ELSEWHERE = "elsewhere", _("Ours, and at another account too")
    OLDER = "older", _("An older value that Outlook uses before ours")
    FOREIGN = "foreign", _("Put there by others")


class DriftRunQuerySet(models.QuerySet["DriftRun"]):
    def newest_of(self, target: Target) -> "DriftRun | None":
        return self.filter(target=target).order_by("-started_at").first()

    def complete(self) -> Self:
        return self.filter(ended_at__isnull=False, error="")


class DriftRun(models.Model):
    """One survey of a target. error: why it was aborted; an aborted run reports nothing as vanished.

    read: number of entries with certificates. counts: findings by kind; a bounded number of them has a row.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="drift_runs")
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    read = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    objects = DriftRunQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["target", "-started_at"], name="drift_run_newest")]

    def __str__(self) -> str:
        return f"{self.target}: {self.started_at:%Y-%m-%d %H:%M}"


class DriftFinding(models.Model):
    """One difference found by a run. name: of the entry, as the target calls it.

    since: start of the first of the consecutive runs that found it; null in rows older than this column.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(DriftRun, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=16, choices=DriftKind)
    placement = models.ForeignKey(Placement, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=500, blank=True)
    fingerprint_sha256 = models.CharField(max_length=64, blank=True)
    since = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=DriftKind.values), name="drift_finding_kind")
        ]
        indexes = [models.Index(fields=["run", "kind", "id"], name="drift_finding_kinds")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.kind}"
