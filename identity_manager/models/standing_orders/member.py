"""Members of standing orders, by episode, and the batch orders that were placed for them."""

from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.batch.order import BatchOrder
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.standing_orders.order import StandingOrder, StandingState


class MemberStep(models.TextChoices):
    """State of a member's episode.

    NEW: not requested yet, or it was not possible. PLACED: in a batch order. GIVEN: there is a request, or a
    token from before; an order requests once for each episode.
    """

    NEW = "new", _("Not yet")
    PLACED = "placed", _("Asked for")
    GIVEN = "given", _("Given")


class StandingMemberQuerySet(models.QuerySet["StandingMember"]):
    def present(self) -> Self:
        """Members who have not left."""
        return self.filter(until=None)

    def covering(self, type_code: str = "") -> Self:
        """Members of orders that have not ended, by which they keep the type: of this one, or of any.

        Also of one that was stopped and is to go on: it has members, and waits for a second officer.
        """
        rows = self.present().exclude(order__state=StandingState.ENDED)
        return rows.filter(order__type_code=type_code) if type_code else rows


def lost_by_order() -> Q:
    """Over tokens: their person has left an order of the type since they were asked for, and is in no other.

    They run out, or are revoked or put on hold by the order. Their person cannot renew or replace them.
    """
    theirs = StandingMember.objects.filter(person=OuterRef("person"), order__type_code=OuterRef("type_code"))
    left = theirs.filter(until__gte=OuterRef("created_at"))
    return Q(Exists(left.exclude(loss=None))) & ~Q(Exists(theirs.covering()))


class StandingMember(models.Model):
    """An episode: a person's membership in a standing order, from `since` to `until`.

    gain, loss: ids of the batch orders that request the token, or end it. retry_at: when a member for whom
    the batch order could not request it is tried again.
    """

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(StandingOrder, on_delete=models.CASCADE, related_name="members")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="standing_memberships")
    episode = models.PositiveIntegerField(default=1)
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True)
    step = models.CharField(max_length=8, choices=MemberStep, default=MemberStep.NEW)
    gain = models.UUIDField(null=True)
    loss = models.UUIDField(null=True)
    retry_at = models.DateTimeField(null=True)

    objects = StandingMemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "person", "episode"], name="standing_member_episode"),
            models.UniqueConstraint(
                fields=["order", "person"], condition=Q(until=None), name="standing_member_once"
            ),
            models.CheckConstraint(condition=Q(step__in=MemberStep.values), name="standing_member_step"),
        ]
        indexes = [
            models.Index(fields=["order", "step"], condition=Q(until=None), name="standing_member_present"),
            models.Index(fields=["order", "until"], name="standing_member_left"),
            models.Index(fields=["order", "since"], name="standing_member_since"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}: {self.person_id}"


class StandingPlacement(models.Model):
    """A batch order that a standing order has placed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(StandingOrder, on_delete=models.CASCADE, related_name="placements")
    batch = models.OneToOneField(BatchOrder, on_delete=models.CASCADE, related_name="standing_placement")
    placed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-placed_at"]

    def __str__(self) -> str:
        return f"{self.order_id}: {self.batch_id}"
