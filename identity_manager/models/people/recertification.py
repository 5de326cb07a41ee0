"""Recertification: once a period each role of an officer is confirmed or withdrawn by somebody else."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.people.role import Role, RoleAssignment


class Recertification(models.Model):
    """One campaign: the officers' roles of that day. opened_by: null where a job opened it.

    At most one is open. reminders: mails that were due so far, the first one of the opening.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    opened_at = models.DateTimeField(default=timezone.now)
    opened_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField()
    reminders = models.PositiveSmallIntegerField(default=0)
    is_open = models.BooleanField(default=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-opened_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_open"], condition=Q(is_open=True), name="recertification_one_open"
            ),
            models.CheckConstraint(
                condition=Q(is_open=True, ended_at=None) | Q(is_open=False, ended_at__isnull=False),
                name="recertification_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opened_at:%Y-%m-%d}"


class ReviewDecision(models.TextChoices):
    """Result of one role's review. The last four are set at the end of the campaign, by no officer."""

    NONE = "", _("Not answered yet")
    CONFIRMED = "confirmed", _("Confirmed")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    GONE = "gone", _("Ended meanwhile")
    UNANSWERED = "unanswered", _("Not answered; stays")
    ENDED = "ended", _("Not answered; ended")
    KEPT = "kept", _("Not answered; stays, because others could not do without it")


BY_SOMEBODY = (ReviewDecision.CONFIRMED, ReviewDecision.WITHDRAWN)


class RoleReviewQuerySet(models.QuerySet["RoleReview"]):
    def undecided(self) -> Self:
        """Undecided reviews of an open campaign."""
        return self.filter(decision=ReviewDecision.NONE, campaign__is_open=True)

    def of_held_roles(self) -> Self:
        """Reviews whose role is still held."""
        return self.filter(Exists(RoleAssignment.objects.filter(pk=OuterRef("assignment_id"))))

    def decidable_by(self, officer: Person) -> Self:
        """Reviews that this User Administrator may decide: person and role in their units, not their own.

        In Python: people.officers.recertification.answer_obstacle.
        """
        roles = {Role.USER_ADMINISTRATOR}
        return (
            self.undecided()
            .of_held_roles()
            .filter(officer.reach(roles, "person__organisational_unit"))
            .filter(officer.reach(roles, "organisational_unit"))
            .exclude(person=officer)
        )

    def confirmations(self) -> Self:
        """The confirmed ones, latest first."""
        return self.filter(decision=ReviewDecision.CONFIRMED).order_by("-decided_at", "pk")


class RoleReview(models.Model):
    """One role assignment in a campaign, as it was when the campaign began.

    assignment_id is no foreign key, because the assignment goes with its role and the report stays.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(Recertification, on_delete=models.CASCADE, related_name="reviews")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="role_reviews")
    role = models.CharField(max_length=32, choices=Role)
    organisational_unit = models.CharField(max_length=200, blank=True)
    assignment_id = models.UUIDField()
    assigned_at = models.DateTimeField()
    assigned_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=16, choices=ReviewDecision, blank=True, default="")
    decided_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    objects = RoleReviewQuerySet.as_manager()

    class Meta:
        ordering = ["role", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "assignment_id"], name="role_review_once"),
            models.CheckConstraint(
                condition=Q(decision__in=BY_SOMEBODY, decided_by__isnull=False)
                | Q(decided_by=None) & ~Q(decision__in=BY_SOMEBODY),
                name="role_review_decided_by",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("person")), name="role_review_four_eyes"
            ),
        ]
        indexes = [
            models.Index(fields=["assignment_id"], name="role_review_assignment"),
            models.Index(fields=["decision"], condition=Q(decision=""), name="role_review_undecided"),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.person}"

    @property
    def is_undecided(self) -> bool:
        """Whether it waits for a decision in an open campaign."""
        return self.decision == ReviewDecision.NONE and self.campaign.is_open

    def settle(self, decision: ReviewDecision, *, by: Person | None, now: datetime) -> bool:
        """Store the decision if there is none yet (conditional update); return whether it was stored."""
        undecided = RoleReview.objects.undecided().filter(pk=self.pk)
        return bool(undecided.update(decision=decision, decided_by=by, decided_at=now))
