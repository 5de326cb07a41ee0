"""Batch orders: one kind of act on many persons, tokens or requests, with the outcome of each line."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.catalogue.token_type import TokenType
from identity_manager.models.identifiers import new_id, new_reference
from identity_manager.models.lease import BrieflyLeasedQuerySet, Leased
from identity_manager.models.people.person import Person
from identity_manager.models.people.role import Role
from identity_manager.models.people.vouching import Exclusion
from identity_manager.models.requests.token_request import TokenRequest
from identity_manager.models.second_officer import (
    SecondOfficerDecision,
    SecondOfficerQuerySet,
    never_the_asker,
)


class BatchState(models.TextChoices):
    CHECKING = "checking", _("Dry run under way")
    CHECKED = "checked", _("Waits for its start")
    WAITING = "waiting", _("Waits for a second officer")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    FINISHED = "finished", _("Finished")
    CANCELLED = "cancelled", _("Cancelled")


B = BatchState
AT_WORK = (B.CHECKING, B.RUNNING)
NOT_STARTED = (B.CHECKING, B.CHECKED, B.WAITING)
STARTED = (B.RUNNING, B.PAUSED)
ENDED = (B.FINISHED, B.CANCELLED)


class BatchKind(models.TextChoices):
    """Act of a batch order on each line; workflow.batch.kinds has a module for each."""

    ENABLE = "enable", _("Enable")
    REVOKE = "revoke", _("Revoke")
    HOLD = "hold", _("Put on hold")
    REINSTATE = "reinstate", _("Reinstate")
    RENEW = "renew", _("Renew")
    REPLACE = "replace", _("Replace")
    RESEND = "resend", _("Send the files again")
    CANCEL = "cancel", _("Cancel requests")
    REMIND = "remind", _("Remind")
    ACTIVATE = "activate", _("Activate persons")
    DEACTIVATE = "deactivate", _("Deactivate persons")
    LETTERS = "letters", _("Sign-in letters")


class BatchSource(models.TextChoices):
    SELECTION = "selection", _("a selection of SEARCH")
    SEARCH = "search", _("everything that a search found")
    FILE = "file", _("a CSV file")
    CODE = "code", _("Identity Manager itself")


class ChosenAs(models.TextChoices):
    """Type of the chosen entries: ids of these rows, or personnel numbers of a file."""

    PERSONS = "persons", _("persons")
    NUMBERS = "numbers", _("personnel numbers")
    REQUESTS = "requests", _("requests")
    TOKENS = "tokens", _("software tokens")
    CERTIFICATES = "certificates", _("certificates")


class BatchOrderQuerySet(  # type: ignore[override]  # managers of both bases: this class makes its own
    BrieflyLeasedQuerySet["BatchOrder"], SecondOfficerQuerySet["BatchOrder"]
):
    def held(self, pk: uuid.UUID, claim: uuid.UUID) -> Self:
        """The order, while this claim holds and nobody has stopped it."""
        return self.filter(pk=pk, claim_id=claim, state__in=AT_WORK)

    def divided(self) -> Self:
        """Running orders that are divided into shards, without a lease of their own."""
        return self.filter(state=B.RUNNING, next_attempt_at=None)

    def of_request(self, request: TokenRequest) -> "BatchOrder | None":
        """The order that created the request and whose mails report on it, unless it was resubmitted."""
        if request.round > 1:
            return None
        return self.filter(lines__request=request.pk).select_related("asked_by").first()

    def stopped_since(self, moment: datetime) -> Self:
        """Orders started since then that do not run now."""
        return self.filter(started_at__gte=moment).exclude(state=B.RUNNING)

    def forgotten(self, before: datetime) -> Self:
        """Orders asked for before that moment that nobody has started, or nobody has confirmed."""
        return self.filter(state__in=NOT_STARTED, asked_at__lt=before)

    def listed(self) -> Self:
        """Without `chosen`, as lists and pages need them."""
        return self.select_related("asked_by", "decided_by").prefetch_related("types").defer("chosen")


class BatchOrder(Stateful, Leased, SecondOfficerDecision):
    """One kind of act that an officer wants done to many persons, tokens or requests.

    office: the role that such orders need, of who asks and of the second officer, whom only an order that the
    breaker stops waits for; reason is what they said against it. chosen_as: what was chosen; the entries
    stand in blocks (BatchBlock) until the dry run has read them. search: the query that found them, for an
    order over everything that a search found. options: what the kind needs, as its module says. note: why it
    is done, as the asker says. cause: what made the system give the order, which then starts by itself.

    rate: at most so many lines an hour; window: the time of day in which it runs (the installation's time
    zone), both or none. running_since, done_before: since when it runs without a stop, and how many lines had
    been done then. counts (by outcome) are written at the end. stopped_because: the code of the reason for
    which the system paused it. The lease is that of the worker of the dry run or of the division into shards;
    lines are carried out under the lease of a shard. chosen: entries as the release before stored them.
    """

    DECIDER = Role.TOKEN_ADMINISTRATOR

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=16, unique=True, default=new_reference, editable=False)
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(
        max_length=16, choices=BatchKind, default=BatchKind.ENABLE, db_default=BatchKind.ENABLE.value
    )
    office = models.CharField(
        max_length=32,
        choices=Role,
        default=Role.TOKEN_ADMINISTRATOR,
        db_default=Role.TOKEN_ADMINISTRATOR.value,
    )
    source = models.CharField(max_length=16, choices=BatchSource)
    chosen_as = models.CharField(
        max_length=16, choices=ChosenAs, default=ChosenAs.PERSONS, db_default=ChosenAs.PERSONS.value
    )
    search = models.TextField(blank=True, default="", db_default="")
    file_name = models.CharField(max_length=200, blank=True)
    types = models.ManyToManyField(TokenType, related_name="+")
    accept_partial = models.BooleanField(default=False)
    purpose = models.TextField(blank=True, default="", db_default="", help_text="what it is for")
    options = models.JSONField(default=dict, db_default={})
    note = models.TextField(blank=True, default="", db_default="")
    cause = models.CharField(max_length=200, blank=True, default="", db_default="")
    rate = models.PositiveIntegerField(null=True)
    window_from = models.TimeField(null=True)
    window_to = models.TimeField(null=True)
    chosen = models.JSONField(default=list)
    total = models.PositiveIntegerField()
    looked_at = models.PositiveIntegerField(default=0)
    state = StateField(max_length=16, choices=BatchState.choices, default=B.CHECKING, protected=True)
    stopped_because = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField(null=True)
    running_since = models.DateTimeField(null=True)
    done_before = models.PositiveIntegerField(default=0, db_default=0)
    ended_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)

    objects = BatchOrderQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-pk"]
        constraints = [
            state_constraint(BatchState, "batch_order_state"),
            models.CheckConstraint(condition=Q(source__in=BatchSource.values), name="batch_order_source"),
            never_the_asker("batch_order_four_eyes"),
        ]
        indexes = [
            models.Index(fields=["asked_at"], name="batch_order_age"),
            models.Index(
                fields=["next_attempt_at"],
                name="batch_order_due",
                condition=Q(next_attempt_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def entries_are(self) -> ChosenAs:
        """Type of the entries; those of a file are numbers, whatever the release before has stored."""
        return ChosenAs.NUMBERS if self.source == BatchSource.FILE else ChosenAs(self.chosen_as)

    @property
    def is_at_work(self) -> bool:
        return self.state in AT_WORK

    @property
    def is_divided(self) -> bool:
        """As `divided`, of a row that was read."""
        return self.state == B.RUNNING and self.next_attempt_at is None

    def is_held_by(self, claim: uuid.UUID) -> bool:
        """Whether the claim holds, of a locked row."""
        return self.claim_id == claim and self.is_at_work

    @classmethod
    def waiting_condition(cls, _now: datetime) -> Q:
        return Q(state=B.WAITING)

    def waits(self, _now: datetime | None = None) -> bool:
        return bool(self.state == B.WAITING)

    @classmethod
    def office_condition(cls, officer: Person) -> Q:
        held = {each.role for each in officer.roles_in_force() if not each.organisational_unit}
        return Q(office__in=held)

    @classmethod
    def exclusion_conditions(cls, officer: Person, now: datetime) -> Mapping[Exclusion, Q]:
        """As inherited; makers of the API client that asks count as askers."""
        client = "asked_by__api_client"
        makers = Q(**{f"{client}__asked_by": officer}) | Q(**{f"{client}__decided_by": officer})
        conditions = super().exclusion_conditions(officer, now)
        return {**conditions, Exclusion.ASKED: conditions[Exclusion.ASKED] | makers}

    def excluded_officers(self) -> Mapping[Exclusion, Collection[uuid.UUID]]:
        excluded = super().excluded_officers()
        return {**excluded, Exclusion.ASKED: {*excluded[Exclusion.ASKED], *self.asked_by.client_makers}}

    @property
    def decider(self) -> Role:
        return Role(self.office)

    @transition(field=state, source=B.CHECKING, target=B.CHECKED)
    def conclude_dry_run(self) -> None:
        """The dry run has examined every entry."""
        self.chosen = []
        self.settle_lease()

    @transition(field=state, source=B.CHECKED, target=B.WAITING)
    def wait(self) -> None:
        """The asker starts it, and the breaker demands a second officer."""

    @transition(field=state, source=[B.CHECKED, B.WAITING], target=B.RUNNING)
    def start(self, *, now: datetime) -> None:
        """The asker starts it after the dry run, or a second officer confirms it."""
        self.started_at = self.running_since = now
        self.work_is_due(now)

    @transition(field=state, source=B.RUNNING, target=B.PAUSED)
    def pause(self, *, because: str) -> None:
        """Pause it. because: code of the system's reason; empty if an officer pauses it."""
        self.stopped_because = because
        self.running_since = None
        self.settle_lease()

    @transition(field=state, source=B.PAUSED, target=B.RUNNING)
    def resume(self, *, done: int, now: datetime) -> None:
        """Resume it with the remaining lines. done: number of lines done so far."""
        self.stopped_because = ""
        self.running_since, self.done_before = now, done
        self.work_is_due(now)

    @transition(
        field=state,
        source=[B.CHECKING, B.CHECKED, B.WAITING, B.RUNNING, B.PAUSED],
        target=B.CANCELLED,
    )
    def cancel(self, *, counts: dict[str, int], now: datetime) -> None:
        """Cancel it: remaining lines are not carried out."""
        self._end(counts, now)

    @transition(field=state, source=[B.CHECKED, B.RUNNING], target=B.FINISHED)
    def finish(self, *, counts: dict[str, int], now: datetime) -> None:
        """No line is left to carry out."""
        self._end(counts, now)

    def _end(self, counts: dict[str, int], now: datetime) -> None:
        self.chosen = []
        self.running_since = None
        self.counts = counts
        self.ended_at = now
        self.settle_lease()


class BatchBlock(models.Model):
    """Some of the chosen entries of an order, in its order; deleted with the others after the dry run.

    In blocks, so that neither placing an order nor looking through it holds all of them in memory.
    first: the place of its first entry, from 0 on.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(BatchOrder, on_delete=models.CASCADE, related_name="blocks")
    first = models.PositiveIntegerField()
    entries = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "first"], name="batch_block_once")]

    def __str__(self) -> str:
        return f"{self.first}"
