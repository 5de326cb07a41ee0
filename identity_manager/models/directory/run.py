"""Runs of a directory source: staged lines with their outcome, counts, and the decision on a stopped run."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.directory.source import DirectorySource, EntryState, RunMode
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.people.person_import import Figures
from identity_manager.models.people.role import Role
from identity_manager.models.second_officer import SecondOfficerDecision, SecondOfficerQuerySet


class RunState(models.TextChoices):
    READING = "reading", _("Reads the directory")
    INCOMPLETE = "incomplete", _("Incomplete, nothing was changed")
    PLANNED = "planned", _("Dry run")
    STOPPED = "stopped", _("Stopped")
    WAITING = "waiting", _("Waits for a second officer")
    APPLYING = "applying", _("Changes persons")
    DONE = "done", _("Done")
    DROPPED = "dropped", _("Dropped")


R = RunState
UNDER_WAY = (R.READING, R.STOPPED, R.WAITING, R.APPLYING)
STOPPED = (R.STOPPED, R.WAITING)
COUNTED = (R.APPLYING, R.DONE)  # by the breaker


class LineOutcome(models.TextChoices):
    """Outcome of a line. WAITS: only identity changes, which wait for a second officer."""

    CREATE = "create", _("New")
    UPDATE = "update", _("Changed")
    WAITS = "waits", _("Wait for a second officer")
    LEAVE = "leave", _("Leave")
    RETURN = "return", _("Come back")
    LOCK = "lock", _("Locked for good")
    LINK = "link", _("Linked, unchanged")
    REFUSED = "refused", _("Refused")


class DirectoryRunQuerySet(SecondOfficerQuerySet["DirectoryRun"]):
    def under_way(self) -> Self:
        """Runs that have not ended. A source has one at most."""
        return self.filter(state__in=UNDER_WAY)

    def forgotten(self, before: datetime) -> Self:
        """Stopped runs that were not released in time."""
        return self.filter(state__in=STOPPED, read_at__lt=before)

    def figures_since(self, moment: datetime) -> Figures:
        """Sums over the runs that have changed persons since then, or are applying."""
        rows = self.filter(state__in=COUNTED, started_at__gt=moment)
        sums = rows.order_by().aggregate(
            left=Sum("leaving"), emails=Sum("emails_changed"), new=Sum("created")
        )
        return Figures(sums["left"] or 0, sums["emails"] or 0, sums["new"] or 0)


class DirectoryRun(Stateful, SecondOfficerDecision):
    """One run of a source. Its lines are staged while it reads; persons change after a complete reading only.

    stop_code, stop_facts: why the breaker stopped it. error: why it is incomplete. asked_by: who wants a
    stopped run to go on; another officer decides. created, leaving, emails_changed: what the breaker counts.
    """

    DECIDER = Role.REGISTRATION_OFFICER  # for all units: a directory has persons of any

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.ForeignKey(DirectorySource, on_delete=models.PROTECT, related_name="runs")
    mode = models.CharField(max_length=16, choices=RunMode)
    started_at = models.DateTimeField(default=timezone.now)
    started_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    read_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cursor = models.JSONField(default=dict)
    read = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    created = models.PositiveIntegerField(default=0)
    leaving = models.PositiveIntegerField(default=0)
    emails_changed = models.PositiveIntegerField(default=0)
    has_all_ids = models.BooleanField(default=False)
    has_groups = models.BooleanField(default=False)
    stop_code = models.CharField(max_length=40, blank=True)
    stop_facts = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    notes = models.JSONField(default=list)
    state = StateField(max_length=16, choices=RunState.choices, default=R.READING, protected=True)

    objects = DirectoryRunQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            state_constraint(RunState, "directory_run_state"),
            models.UniqueConstraint(
                fields=["source"], condition=Q(state__in=UNDER_WAY), name="directory_run_one_under_way"
            ),
            models.CheckConstraint(
                condition=Q(stop_code="")
                | ~Q(state__in=COUNTED)
                | (Q(asked_by__isnull=False, decided_by__isnull=False) & ~Q(decided_by=F("asked_by"))),
                name="directory_run_four_eyes",
            ),
        ]
        indexes = [models.Index(fields=["source", "-started_at"], name="directory_run_newest")]

    def __str__(self) -> str:
        return f"{self.source}: {self.started_at:%Y-%m-%d %H:%M}"

    @classmethod
    def waiting_condition(cls, _now: datetime) -> Q:
        return Q(state__in=STOPPED)

    def waits(self, _now: datetime | None = None) -> bool:
        """Whether it is stopped and waits for a first or second officer."""
        return self.state in STOPPED

    @transition(field=state, source=R.READING, target=R.INCOMPLETE)
    def break_off(self, *, error: str, now: datetime) -> None:
        """Reading failed: no person is absent or changed."""
        self.error, self.ended_at = error, now

    @transition(field=state, source=R.READING, target=R.PLANNED)
    def end_dry(self, *, now: datetime) -> None:
        """A dry run shows what would change, and whether the breaker would stop it."""
        self.read_at = self.ended_at = now

    @transition(field=state, source=R.READING, target=R.STOPPED)
    def stop(self, *, code: str, facts: dict[str, Any], now: datetime) -> None:
        """The breaker stops it until two officers let it go on."""
        self.stop_code, self.stop_facts, self.read_at = code, facts, now

    @transition(field=state, source=R.STOPPED, target=R.WAITING)
    def ask(self, *, by: Person, now: datetime) -> None:
        """A first officer asks to release it."""
        self.asked_by, self.asked_at = by, now

    @transition(field=state, source=R.READING, target=R.APPLYING)
    def begin(self, *, now: datetime) -> None:
        """The reading is complete, and the breaker has nothing against it."""
        self.read_at = now

    @transition(field=state, source=R.WAITING, target=R.APPLYING)
    def confirm(self, *, by: Person, now: datetime) -> None:
        """A second officer releases it."""
        self.decided_by, self.decided_at = by, now

    @transition(field=state, source=[R.STOPPED, R.WAITING], target=R.DROPPED)
    def drop(self, *, by: Person | None, reason: str, now: datetime) -> None:
        """The run is dropped, by an officer or after a week: the next run reads anew."""
        self.decided_by, self.decided_at, self.reason = by, now, reason
        self.ended_at = now

    @transition(field=state, source=R.APPLYING, target=R.DONE)
    def finish(self, *, now: datetime) -> None:
        """All lines are applied or refused."""
        self.ended_at = now


class DirectoryRunLine(models.Model):
    """One staged difference of a person between source and database, with its outcome.

    values: the person's fields as the source has them; waits, changes: by field. They are personal data and
    erased with the run's end; problem: why it was refused. applied: whether it was carried out.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(DirectoryRun, on_delete=models.CASCADE, related_name="lines")
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=200)
    number = models.CharField(max_length=64, blank=True)
    key = models.CharField(max_length=500, blank=True)
    manager_key = models.CharField(max_length=500, blank=True)
    values = models.JSONField(default=dict)
    changes = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=EntryState, blank=True)
    expires_at = models.DateTimeField(null=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    email_key = models.CharField(max_length=254, blank=True)
    upn_key = models.CharField(max_length=64, blank=True)
    sid_key = models.CharField(max_length=184, blank=True)
    outcome = models.CharField(max_length=16, choices=LineOutcome)
    problem = models.TextField(blank=True)
    applied = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "external_id"], name="directory_run_line_once"),
            models.CheckConstraint(
                condition=Q(outcome__in=LineOutcome.values), name="directory_run_line_outcome"
            ),
        ]
        indexes = [models.Index(fields=["run", "outcome", "id"], name="directory_run_line_outcomes")]

    def __str__(self) -> str:
        return f"{self.external_id}: {self.outcome}"


class DirectoryRunMember(models.Model):
    """A staged group (member_key empty), or who is in it, by the key of their entry; groups in it too."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(DirectoryRun, on_delete=models.CASCADE, related_name="members")
    group_id = models.CharField(max_length=200)
    group_key = models.CharField(max_length=500, blank=True)
    name = models.CharField(max_length=256, blank=True)
    member_key = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = [models.Index(fields=["run", "group_id", "id"], name="directory_run_member_group")]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.member_key}"
