"""Approvals and approval rules: decisions on a snapshot, and who has to decide."""

import uuid
from collections.abc import Iterable
from typing import Self

from django.db import models
from django.db.models import Exists, F, OuterRef
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.approver_group import ApproverGroup
from identity_manager.models.people.deputy import Deputy
from identity_manager.models.people.person import Person

MOST_APPROVERS = 5


class Decision(models.TextChoices):
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")


class Approval(models.Model):
    """One approver's decision on the snapshot that they saw, in one round of the request.

    deputyship: whose right the approver used, where it was not one of their own.
    """

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
    deputyship = models.ForeignKey(Deputy, null=True, on_delete=models.PROTECT, related_name="+")

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

    def __str__(self) -> str:
        """Name of the approver, and in whose stead they decided: "Dora Muster, deputy of Paul Weber"."""
        if self.deputyship is None:
            return str(self.approver)
        words = {"deputy": self.approver, "person": self.deputyship.principal}
        return gettext("%(deputy)s, deputy of %(person)s") % words

    @property
    def seat_id(self) -> uuid.UUID:
        """The person whose permission was used: the approver, or the principal of a deputy."""
        return self.deputyship.principal_id if self.deputyship is not None else self.approver_id


def progress(needed: int, decisions: Iterable[Approval]) -> str:
    """How many of several approvals are given, and by whom: "1 of 2 approved, by Paul Weber"; else empty."""
    given = [each for each in decisions if each.decision == Decision.APPROVED]
    if needed == 1 or not given:  # the state says it
        return ""
    words = {"given": len(given), "needed": needed, "names": "; ".join(map(str, given))}
    return gettext("%(given)d of %(needed)d approved, by %(names)s") % words


class ManagerObstacle(models.TextChoices):
    """Reason why the person's manager cannot decide on a request, so that others do."""

    NONE = "", ""
    UNKNOWN = "unknown", _("The directory names no manager of this person.")
    NO_APPROVER = "no-approver", _("The manager of this person is not an Approver of this unit now.")
    NO_SIGN_IN = "no-sign-in", _("The manager of this person cannot sign in to Identity Manager.")
    ASKED = "asked", _("The manager of this person asked for this, or is deputy of who did.")
    VOUCHED = "vouched", _("The manager of this person vouched for them.")


class ApprovalRule(models.Model):
    """A rule that restricts who has to approve a request in one round, set by its types.

    `needed` different persons: members of the group, without one every Approver of the unit; and the manager,
    who must be one of them where manager_must. manager_obstacle: why the manager was passed over, so that the
    others decide without them. missing, manager_missing: how many approvals still are, for lists; the verbs
    count anew (workflow.policy.approval_rules). A rule gives no right to who is not an Approver of the unit.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.ForeignKey(
        "identity_manager.TokenRequest", on_delete=models.CASCADE, related_name="approval_rules"
    )
    round = models.PositiveSmallIntegerField()
    needed = models.PositiveSmallIntegerField()
    group = models.ForeignKey(ApproverGroup, null=True, on_delete=models.PROTECT, related_name="+")
    manager = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    manager_must = models.BooleanField(default=False)
    manager_obstacle = models.CharField(max_length=16, choices=ManagerObstacle, blank=True, default="")
    missing = models.PositiveSmallIntegerField(help_text="without the manager's, where that is a must")
    manager_missing = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(needed__range=(1, MOST_APPROVERS)), name="approval_rule_needed"
            ),
            models.CheckConstraint(
                condition=models.Q(manager_obstacle__in=ManagerObstacle.values), name="approval_rule_manager"
            ),
        ]

    @property
    def still(self) -> int:
        """The number of missing approvals."""
        return self.missing + self.manager_missing


class AskingLevel(models.TextChoices):
    FIRST = "first", _("asked first")
    ESCALATED = "escalated", _("asked because nobody had decided")


class AskedApproverQuerySet(models.QuerySet["AskedApprover"]):
    def unanswered(self) -> Self:
        """Approvers who were asked in the present round of the request and have not decided in it."""
        answers = Approval.objects.filter(
            request=OuterRef("request"), round=OuterRef("round"), approver=OuterRef("approver")
        )
        return self.filter(~Exists(answers), round=F("request__round"))


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

    objects = AskedApproverQuerySet.as_manager()

    class Meta:
        ordering = ["asked_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["request", "round", "approver"], name="approver_asked_once"),
            models.CheckConstraint(
                condition=models.Q(level__in=AskingLevel.values), name="asked_approver_level"
            ),
        ]
