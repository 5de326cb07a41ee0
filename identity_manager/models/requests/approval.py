"""Approvals: who decided, when, and on which snapshot."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person


class Decision(models.TextChoices):
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")


class Approval(models.Model):
    """One approver's decision on the snapshot that they saw, in one round of the request."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.ForeignKey(
        "identity_manager.TokenRequest", on_delete=models.PROTECT, related_name="approvals"
    )
    round = models.PositiveSmallIntegerField(default=1)
    approver = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=16, choices=Decision)
    reason = models.TextField(blank=True)
    snapshot_hash = models.CharField(max_length=64)
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["decided_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "round", "approver"], name="approval_once_per_approver"
            ),
            models.CheckConstraint(
                condition=models.Q(decision__in=Decision.values), name="approval_decision"
            ),
        ]


class AskingLevel(models.TextChoices):
    FIRST = "first", _("asked first")
    ESCALATED = "escalated", _("asked because nobody had decided")


class AskedApprover(models.Model):
    """An approver who was asked by mail to decide, in one round of the request.

    waits_from: the start of the time to the reminder and to escalation.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.ForeignKey(
        "identity_manager.TokenRequest", on_delete=models.PROTECT, related_name="asked_approvers"
    )
    round = models.PositiveSmallIntegerField()
    approver = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    level = models.CharField(max_length=16, choices=AskingLevel)
    asked_at = models.DateTimeField()
    waits_from = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["asked_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["request", "round", "approver"], name="approver_asked_once"),
            models.CheckConstraint(
                condition=models.Q(level__in=AskingLevel.values), name="asked_approver_level"
            ),
        ]
