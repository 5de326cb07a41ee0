"""Groups of a directory, or made by hand: facts about persons."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from identity_manager.models.directory.source import DirectorySource
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person


class DirectoryGroup(models.Model):
    """A group of a source; without a source it is made by hand. gone_at: when the source deleted it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.ForeignKey(DirectorySource, null=True, on_delete=models.PROTECT, related_name="groups")
    external_id = models.CharField(max_length=200)
    name = models.CharField(max_length=256)
    gone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="directory_group_once"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(source=None, gone_at=None), name="group_by_hand_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DirectoryMembership(models.Model):
    """Membership of a person in a group, direct or nested, since a day; deleted when it ends.

    added_by: the officer who added them to a group made by hand, who counts as requester of what follows.
    """

    id = models.BigAutoField(primary_key=True)
    group = models.ForeignKey(DirectoryGroup, on_delete=models.CASCADE, related_name="memberships")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="directory_memberships")
    since = models.DateTimeField(default=timezone.now)
    added_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "person"], name="directory_membership_once")]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.person_id}"
