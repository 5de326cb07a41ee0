"""Approver groups, and the approval options of token types: renewals, manager."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person

NUMBERS_OF_APPROVERS = [
    (1, _("One")),
    (2, _("Two different ones")),
    (3, _("Three different ones")),
    (4, _("Four different ones")),
    (5, _("Five different ones")),
]


class ApprovalPolicy(models.TextChoices):
    NEVER = "never", _("Never")
    SELF_REQUESTED = "self-requested", _("When the person asked for it in Self-Service")
    ALWAYS = "always", _("Always")


class RenewalApproval(models.TextChoices):
    """Condition under which a renewal needs the approvals that a first issue of the type needs."""

    NEVER = "never", _("Never")
    CHANGED = "changed", _("When data have changed")
    ALWAYS = "always", _("Always")


class ManagerApproval(models.TextChoices):
    """The part of the person's manager (from the directory) in the approvals of a type."""

    NO = "no", _("Nothing in particular")
    MAY = "may", _("They may approve, beside the members of the group")
    MUST = "must", _("One of the approvals has to be theirs")


class ApproverGroup(models.Model):
    """A named set of persons. It gives no permission: a member decides only with the role Approver."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(
        _("Name"), max_length=100, unique=True, error_messages={"required": _("Enter a name for the group.")}
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ApproverGroupMember(models.Model):
    """Membership of a person in an approver group; deleted when it ends."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    group = models.ForeignKey(ApproverGroup, on_delete=models.CASCADE, related_name="members")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="approver_groups")
    added_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["person__display_name", "pk"]
        constraints = [models.UniqueConstraint(fields=["group", "person"], name="approver_group_member_once")]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.person_id}"
