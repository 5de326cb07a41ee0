"""Batch orders: many persons are enabled at once, with the outcome of each."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.catalogue.token_type import TokenType
from identity_manager.models.identifiers import new_id, new_reference
from identity_manager.models.lease import BrieflyLeasedQuerySet, Leased
from identity_manager.models.people.person import Person
from identity_manager.models.requests.token_request import TokenRequest
from identity_manager.models.text_in_languages import Texts

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager


class BatchState(models.TextChoices):
    CHECKING = "checking", _("Dry run under way")
    CHECKED = "checked", _("Waits for its start")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    FINISHED = "finished", _("Finished")
    CANCELLED = "cancelled", _("Cancelled")


B = BatchState
AT_WORK = (B.CHECKING, B.RUNNING)
NOT_STARTED = (B.CHECKING, B.CHECKED)
STARTED = (B.RUNNING, B.PAUSED)
ENDED = (B.FINISHED, B.CANCELLED)


class BatchSource(models.TextChoices):
    SELECTION = "selection", _("a selection of SEARCH")
    FILE = "file", _("a CSV file")


class BatchOrderQuerySet(BrieflyLeasedQuerySet["BatchOrder"]):
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
        """Orders asked for before that moment that nobody has started."""
        return self.filter(state__in=NOT_STARTED, asked_at__lt=before)

    def listed(self) -> Self:
        """Without `chosen`, as lists and pages need them."""
        return self.select_related("asked_by").prefetch_related("types").defer("chosen")


class BatchOrder(Stateful, Leased):
    """Persons whom an administrator wants to enable for some types.

    chosen: persons that the dry run has not read yet: ids, or personnel numbers of a file. Each becomes a
    line. counts (by outcome) are written at the end. stopped_because: the code of the reason for which the
    system paused it. The lease is that of the worker of the dry run or of the division into shards; persons
    are enabled under the lease of a shard.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=16, unique=True, default=new_reference, editable=False)
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    source = models.CharField(max_length=16, choices=BatchSource)
    file_name = models.CharField(max_length=200, blank=True)
    types = models.ManyToManyField(TokenType, related_name="+")
    accept_partial = models.BooleanField(default=False)
    purpose = models.TextField(blank=True, default="", db_default="", help_text="what it is for")
    chosen = models.JSONField(default=list)
    total = models.PositiveIntegerField()
    looked_at = models.PositiveIntegerField(default=0)
    state = StateField(max_length=16, choices=BatchState.choices, default=B.CHECKING, protected=True)
    stopped_because = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)

    lines: "RelatedManager[BatchLine]"
    objects = BatchOrderQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-pk"]
        constraints = [
            state_constraint(BatchState, "batch_order_state"),
            models.CheckConstraint(condition=Q(source__in=BatchSource.values), name="batch_order_source"),
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
    def is_at_work(self) -> bool:
        return self.state in AT_WORK

    @property
    def is_divided(self) -> bool:
        """As `divided`, of a row that was read."""
        return self.state == B.RUNNING and self.next_attempt_at is None

    def is_held_by(self, claim: uuid.UUID) -> bool:
        """Whether the claim holds, of a locked row."""
        return self.claim_id == claim and self.is_at_work

    @transition(field=state, source=B.CHECKING, target=B.CHECKED)
    def conclude_dry_run(self) -> None:
        """Every person was looked at."""
        self.chosen = []
        self.settle_lease()

    @transition(field=state, source=B.CHECKED, target=B.RUNNING)
    def start(self, *, now: datetime) -> None:
        """Who asked has seen the dry run and wants it done."""
        self.started_at = now
        self.work_is_due(now)

    @transition(field=state, source=B.RUNNING, target=B.PAUSED)
    def pause(self, *, because: str) -> None:
        """Nobody is enabled until it goes on. because is empty where an officer wants it."""
        self.stopped_because = because
        self.settle_lease()

    @transition(field=state, source=B.PAUSED, target=B.RUNNING)
    def resume(self, *, now: datetime) -> None:
        """It goes on with the persons who are left."""
        self.stopped_because = ""
        self.work_is_due(now)

    @transition(field=state, source=[B.CHECKING, B.CHECKED, B.RUNNING, B.PAUSED], target=B.CANCELLED)
    def cancel(self, *, counts: dict[str, int], now: datetime) -> None:
        """Whoever was not enabled yet is not."""
        self._end(counts, now)

    @transition(field=state, source=B.RUNNING, target=B.FINISHED)
    def finish(self, *, counts: dict[str, int], now: datetime) -> None:
        """Nobody is left."""
        self._end(counts, now)

    def _end(self, counts: dict[str, int], now: datetime) -> None:
        self.chosen = []
        self.counts = counts
        self.ended_at = now
        self.settle_lease()


class LineOutcome(models.TextChoices):
    """READY: the dry run found that the person can be enabled; it stays where the order ends before."""

    READY = "ready", _("Can be enabled")
    REFUSED = "refused", _("Cannot be enabled")
    ENABLED = "enabled", _("Enabled")
    SKIPPED = "skipped", _("Skipped")


class BatchLineQuerySet(models.QuerySet["BatchLine"]):
    def ready(self, order_id: uuid.UUID) -> Self:
        """Lines that are still to be enabled, in order."""
        return self.filter(order_id=order_id, outcome=LineOutcome.READY).order_by("position")

    def of_nobody(self, personnel_number: str) -> Self:
        """Lines of this personnel number without a person."""
        files = BatchOrder.objects.filter(source=BatchSource.FILE).order_by()
        refused = self.filter(order__in=files.values("pk"), outcome=LineOutcome.REFUSED)
        return refused.filter(personnel_number=personnel_number)

    def counted(self, orders: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[str, int]]:
        """Number of lines by order and outcome."""
        found: dict[uuid.UUID, dict[str, int]] = {pk: {} for pk in orders}
        rows = self.filter(order__in=found).order_by().values_list("order_id", "outcome")
        for order_id, outcome, number in rows.annotate(number=Count("pk")):
            found[order_id][outcome] = number
        return found


class BatchLine(models.Model):
    """One person of a batch order, once each; a personnel number without a person is a line of its own.

    types: codes of what the person gets by the dry run, then of what they got. reasons: what they do not get,
    as dicts with the type's code (empty: no type at all), the reason's code, and its sentence by language.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(BatchOrder, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    personnel_number = models.CharField(max_length=64, blank=True, help_text="where nobody has it")
    outcome = models.CharField(max_length=16, choices=LineOutcome)
    types = models.JSONField(default=list)
    reasons = models.JSONField(default=list)
    request = models.OneToOneField(TokenRequest, null=True, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True)

    objects = BatchLineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=LineOutcome.values), name="batch_line_outcome"),
            models.UniqueConstraint(fields=["order", "position"], name="batch_line_once"),
            models.UniqueConstraint(
                fields=["order", "person"],
                condition=Q(person__isnull=False),
                name="batch_line_person_once",
            ),
            models.CheckConstraint(
                condition=Q(outcome=LineOutcome.ENABLED, request__isnull=False)
                | (~Q(outcome=LineOutcome.ENABLED) & Q(request__isnull=True)),
                name="batch_line_enabled_has_request",
            ),
        ]
        indexes = [models.Index(fields=["order", "outcome", "position"], name="batch_line_by_outcome")]

    def __str__(self) -> str:
        return f"{self.position}"

    @property
    def sentences(self) -> list[tuple[str, str]]:
        """Code of the type (empty: all) and the reason in the reader's language."""
        return [(reason["type"], str(Texts(reason["words"]))) for reason in self.reasons]
