"""Rounds in which officers give their shares: within half an hour, for one purpose, each for one act."""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.archive.recovery_certificate import RecoveryKeyWrapping
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

LASTS = timedelta(minutes=30)
WRONG_TRIES = 5  # of one officer, for one subject


class SharePurpose(models.TextChoices):
    RECOVERY = "recovery", _("Recovery")
    DRILL = "drill", _("Recovery drill")
    READDRESSING = "readdressing", _("Re-wrapping of archived keys")


class ShareRoundState(models.TextChoices):
    OPEN = "open", _("Waits for shares")
    COMPLETE = "complete", _("All shares are there")
    USED = "used", _("Used")
    ENDED = "ended", _("Ended without use")


S = ShareRoundState
ALIVE = (S.OPEN, S.COMPLETE)


class ShareRoundQuerySet(models.QuerySet["ShareRound"]):
    def alive(self) -> Self:
        """Rounds that may hold shares: open or complete."""
        return self.filter(state__in=ALIVE)

    def overdue(self, now: datetime) -> Self:
        """Such rounds whose half hour is over."""
        return self.alive().filter(ends_at__lte=now)

    def of(self, subject: uuid.UUID) -> Self:
        """All rounds of a recovery, drill or session, the newest first."""
        return self.filter(subject=subject).order_by("-number")


class ShareRound(Stateful):
    """Shares of one set, given for one subject in the form that its officers saw.

    subject: id of the recovery, drill or session.  digest: SHA-256 (hex) of what the officers saw; each share
    is bound to both, to this round and to its officer, so that it opens for nothing else.
    end_reason: code of the reason why it ended without use.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    purpose = models.CharField(max_length=16, choices=SharePurpose)
    subject = models.UUIDField()
    number = models.PositiveSmallIntegerField(default=1)
    digest = models.CharField(max_length=64)
    wrapping = models.ForeignKey(RecoveryKeyWrapping, on_delete=models.PROTECT, related_name="+")
    begun_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    state = StateField(max_length=16, choices=S.choices, default=S.OPEN, protected=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=40, blank=True, default="", db_default="")

    submitted: "RelatedManager[SubmittedShare]"

    objects = ShareRoundQuerySet.as_manager()

    class Meta:
        ordering = ["-begun_at"]
        constraints = [
            state_constraint(S, "share_round_state"),
            models.CheckConstraint(condition=Q(purpose__in=SharePurpose.values), name="share_round_purpose"),
            models.UniqueConstraint(fields=["subject", "number"], name="share_round_number_once"),
            models.UniqueConstraint(
                fields=["subject"], condition=Q(state__in=("open", "complete")), name="share_round_one_alive"
            ),
        ]
        indexes = [models.Index(fields=["state", "ends_at"], name="share_round_due")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.number}"

    def may_be_used(self, now: datetime) -> bool:
        """Whether its shares may still be used."""
        return self.state in ALIVE and self.ends_at > now

    @transition(field=state, source=S.OPEN, target=S.COMPLETE)
    def complete(self) -> None:
        """Enough shares are given."""

    @transition(field=state, source=S.COMPLETE, target=S.USED)
    def use(self, *, now: datetime) -> None:
        """A worker has opened the recovery key with them."""
        self.ended_at = now

    @transition(field=state, source=list(ALIVE), target=S.ENDED)
    def end(self, *, reason: str, now: datetime) -> None:
        """Without use: its time is over, or a share was wrong too often."""
        self.ended_at, self.end_reason = now, reason


class SubmittedShare(models.Model):
    """A share on its way to a worker, under the share-transport key; null once the round is over."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    round = models.ForeignKey(ShareRound, on_delete=models.CASCADE, related_name="submitted")
    officer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField()
    share_wrapped = BytesField(null=True)
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["given_at"]
        constraints = [
            models.UniqueConstraint(fields=["round", "officer"], name="submitted_share_officer_once"),
            models.UniqueConstraint(fields=["round", "number"], name="submitted_share_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.officer}"


class ShareTries(models.Model):
    """Number of wrong shares of an officer for one subject."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject = models.UUIDField()
    officer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    wrong = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject", "officer"], name="share_tries_once")]

    def __str__(self) -> str:
        return f"{self.officer}: {self.wrong}"


class ShareTransportKey(models.Model):
    """The public half of an epoch of the share-transport key, as a worker published it.

    public_wrapped: authenticated under the ring that web processes and workers share, so that write access to
    the database does not suffice to substitute another public key.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key_version = models.CharField(max_length=32, unique=True)
    public_wrapped = BytesField()
    in_use_from = models.DateTimeField()

    class Meta:
        ordering = ["in_use_from"]

    def __str__(self) -> str:
        return self.key_version
