"""Whom a standing order has given its token type to, since when; and the batch orders that it placed."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.batch.order import BatchOrder
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.standing_orders.order import COVERING, StandingOrder


class MemberStep(models.TextChoices):
    """How far a member has come.

    NEW: nothing was asked for yet, or it could not be. PLACED: a batch order asks. GIVEN: there is a request,
    or they had the token before; an order asks once for each episode.
    """

    NEW = "new", _("Not yet")
    PLACED = "placed", _("Asked for")
    GIVEN = "given", _("Given")


class StandingMemberQuerySet(models.QuerySet["StandingMember"]):
    def present(self) -> Self:
        """Members who have not left."""
        return self.filter(until=None)

    def covering(self) -> Self:
        """Members by an order that has not ended: by it they keep the type."""
        return self.present().filter(order__state__in=COVERING)


class StandingMember(models.Model):
    """A person is a member of a standing order, from `since` to `until`; each such time is an episode.

    gain, loss: ids of the batch orders that ask for the token, or take it away. retry_at: a member whom the
    batch order could not ask for is asked for again from then on.
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
