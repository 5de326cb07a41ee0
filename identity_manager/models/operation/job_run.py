"""Periodic jobs: last run, its result, next run. One row per job."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet

# The clock that starts the jobs ticks every few seconds, not to the millisecond: without this a job of
# every five seconds would wait for the tick after.
SLACK = timedelta(seconds=1)


class JobOutcome(models.TextChoices):
    OK = "ok", _("done")
    FAILED = "failed", _("failed")


class JobRunQuerySet(LeasedQuerySet["JobRun"]):
    def due(self, now: datetime) -> Self:
        """Jobs without a live lease whose next run is due."""
        return self.unleased(now).filter(next_attempt_at__lte=now + SLACK)

    def clock_of_database(self) -> datetime:
        """The time of the database, whatever the clocks of the hosts say."""
        now: datetime = self.values_list(Now(), flat=True)[:1].get()
        return now


class JobRun(Leased):
    """A job of identity_manager.jobs.runner, by name; next_attempt_at is its next run."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60, unique=True)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    took = models.DurationField(null=True, editable=False)
    outcome = models.CharField(max_length=8, choices=JobOutcome, blank=True, editable=False)
    result = models.CharField(max_length=200, blank=True, editable=False)

    objects = JobRunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=["", *JobOutcome.values]), name="job_run_outcome")
        ]

    def __str__(self) -> str:
        return self.name

    def is_due(self, now: datetime) -> bool:
        """As `JobRunQuerySet.due`, of a row that was read."""
        planned = self.next_attempt_at
        return not self.is_leased(now) and planned is not None and planned <= now + SLACK

    def is_out_of_reach(self, now: datetime, *, every: timedelta, lease: timedelta) -> bool:
        """Whether its lease or next run is further away than possible: a clock was wrong."""
        if self.leased_until is not None and self.is_leased(now):
            return self.leased_until > now + lease
        return self.next_attempt_at is not None and self.next_attempt_at > now + every

    def was_cut_off(self, now: datetime) -> bool:
        """Whether its last run was interrupted."""
        return self.leased_until is not None and self.leased_until <= now

    def settle(self, *, now: datetime, every: timedelta, result: str = "", error: str = "") -> None:
        """Store the result, and schedule the next run on the grid of the present one."""
        due, started = self.next_attempt_at or now, self.started_at or now
        self.settle_lease()
        missed = max(0, (now - due) // every)
        self.next_attempt_at = due + every * (missed + 1)
        self.attempts = 0
        self.finished_at, self.took = now, now - started
        self.outcome = JobOutcome.FAILED if error else JobOutcome.OK
        self.result = result[:200]
        self.last_error, self.last_error_at = error, now if error else None
