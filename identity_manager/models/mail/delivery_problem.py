"""Delivery problems: a file did not arrive, reported by its person or by a mail server."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.mail.outgoing_mail import OutgoingMail
from identity_manager.models.people.person import Person, PersonState
from identity_manager.models.people.role import Role
from identity_manager.models.people.vouching import vouched_by
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_states import DELIVERABLE, DeliveryState


class ProblemKind(models.TextChoices):
    NOT_ARRIVED = "not-arrived", _("The mail did not arrive")
    STRIPPED = "stripped", _("The mail came without the file")
    CAME_BACK = "came-back", _("A mail server's report says that the mail came back")


# What the person can say; the third comes from a report.
SAID = (ProblemKind.NOT_ARRIVED, ProblemKind.STRIPPED)


class ProblemOutcome(models.TextChoices):
    OPENED = "opened", _("The file can be fetched in Self-Service")
    SENT_AGAIN = "sent-again", _("The file was sent again")
    ANSWERED = "answered", _("An administrator has answered")
    ARRIVED = "arrived", _("It arrived after all")


DECIDERS = frozenset({Role.TOKEN_ADMINISTRATOR})


class DeliveryProblemQuerySet(models.QuerySet["DeliveryProblem"]):
    def open(self) -> Self:
        """Open problems of tokens in use of Active persons, without another way to download the file."""
        return self.filter(
            ended_at=None,
            token__state__in=DELIVERABLE,
            token__delivery=DeliveryState.SENT,
            token__person__state=PersonState.ACTIVE,
        )

    def decidable_by(self, actor: Person, now: datetime) -> Self:
        """In SQL: for which workflow.delivery.arrival.decision_obstacle says nothing against this officer.

        A Software Token Administrator of the person's unit decides, on none of their own problems, nor of
        persons for whom they vouched.
        """
        if not actor.is_active:
            return self.none()
        rows = self.open().filter(actor.reach(DECIDERS, "token__person__organisational_unit"))
        rows = rows.exclude(token__person=actor)
        for vouched in vouched_by(actor.pk, now, "token__person").values():
            rows = rows.exclude(vouched)
        return rows


class DeliveryProblem(models.Model):
    """One time that a token's file did not arrive; one of a token is open at most.

    mail: the delivery that it is about. domain: of its address, in lower case. detail: of a report.
    outcome, ended_at: what became of it; ended_by: an officer, or the person (ARRIVED). reason: the answer.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token = models.ForeignKey(SoftwareToken, on_delete=models.PROTECT, related_name="delivery_problems")
    mail = models.ForeignKey(OutgoingMail, null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=16, choices=ProblemKind)
    domain = models.CharField(max_length=255, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    opened_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=ProblemOutcome, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)

    objects = DeliveryProblemQuerySet.as_manager()

    class Meta:
        ordering = ["opened_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ProblemKind.values), name="delivery_problem_kind"),
            models.CheckConstraint(
                condition=Q(outcome__in=("", *ProblemOutcome.values)), name="delivery_problem_outcome"
            ),
            models.UniqueConstraint(
                fields=["token"], condition=Q(ended_at=None), name="delivery_problem_one_open"
            ),
        ]
        indexes = [
            models.Index(fields=["opened_at"], name="delivery_problem_open", condition=Q(ended_at=None)),
            models.Index(fields=["domain", "opened_at"], name="delivery_problem_domain"),
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())

    @property
    def is_open(self) -> bool:
        """Whether an officer has it as a task."""
        waits = self.ended_at is None and self.token.delivery == DeliveryState.SENT
        return waits and self.token.state in DELIVERABLE and self.token.person.is_active

    def end(self, outcome: ProblemOutcome, *, by: Person | None, now: datetime, reason: str = "") -> None:
        """Store the outcome and close the problem."""
        self.outcome, self.ended_at, self.ended_by, self.reason = outcome, now, by, reason
