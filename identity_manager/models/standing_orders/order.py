"""Standing orders: members of a group, unit or search have a token type; leavers lose it."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.directory.group import DirectoryGroup
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet
from identity_manager.models.people.person import Person
from identity_manager.models.people.role import Role
from identity_manager.models.second_officer import SecondOfficerDecision, SecondOfficerQuerySet
from identity_manager.models.words import Vocabulary


class StandingState(models.TextChoices):
    CHECKING = "checking", _("Dry run under way")
    WAITING = "waiting", _("Waits for a second officer")
    IN_FORCE = "in_force", _("In force")
    PAUSED = "paused", _("Paused")
    STOPPED = "stopped", _("Stopped")
    ENDED = "ended", _("Ended")


S = StandingState
AT_WORK = (S.CHECKING, S.IN_FORCE)
COVERING = (S.IN_FORCE, S.PAUSED, S.STOPPED)  # those that a configuration file of this installation has


class StandingBasis(models.TextChoices):
    GROUP = "group", _("A group")
    UNIT = "unit", _("An organisational unit")
    SEARCH = "search", _("A saved search")


class LossRule(models.TextChoices):
    """Rule for the token of a leaver."""

    REVOKE = "revoke", _("The token is revoked")
    HOLD = "hold", _("The token is put on hold")
    RUN_OUT = "run_out", _("The token runs out by itself")


CRITERIA = Vocabulary(
    "criteria of standing orders",
    {
        "kind": _("Kind of person"),
        "text": _("Words"),
        "department": _("Department"),
        "organisational_unit": _("Organisational unit"),
    },
)


class StandingOrderQuerySet(  # type: ignore[override]  # managers of both bases: this class makes its own
    LeasedQuerySet["StandingOrder"], SecondOfficerQuerySet["StandingOrder"]
):
    def at_work(self) -> Self:
        """Orders with work for a worker: a dry run, or plans."""
        return self.filter(state__in=AT_WORK)

    def wake(self, now: datetime) -> int:
        """Make every order in force due now, after a change of groups or persons; return how many."""
        return self.filter(state=S.IN_FORCE).update(next_attempt_at=now, nudged_at=None)


class StandingOrder(Stateful, Leased, SecondOfficerDecision):
    """A rule: the members of a group, unit or search have the token type.

    type_code: of the type, whichever version is active. criteria: of a unit or a search, the values that
    persons are compared with (kind, text, department, organisational_unit); search_name: what its officer
    called it. asked_by makes it, or wants a stopped one to go on, by their rights its batch orders run;
    decided_by puts it in force. officers: all who ever did either, so that none of them approves.

    figures: what the last plan counted, at planned_at. may_gain, may_lose: how many persons the second
    officer let through beyond the breaker, until the next plan. stop_code, stop_facts: why it is stopped.
    """

    DECIDER = Role.TOKEN_ADMINISTRATOR  # for all units: an order has persons of any

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60, unique=True)
    basis = models.CharField(max_length=16, choices=StandingBasis)
    group = models.ForeignKey(DirectoryGroup, null=True, on_delete=models.PROTECT, related_name="+")
    criteria = models.JSONField(default=dict)
    search_name = models.CharField(max_length=60, blank=True)
    type_code = models.SlugField(max_length=40)
    loss_rule = models.CharField(max_length=16, choices=LossRule)
    purpose = models.TextField(blank=True)
    officers = models.ManyToManyField(Person, related_name="+")
    figures = models.JSONField(default=dict)
    planned_at = models.DateTimeField(null=True)
    may_gain = models.PositiveIntegerField(default=0)
    may_lose = models.PositiveIntegerField(default=0)
    stop_code = models.CharField(max_length=40, blank=True)
    stop_facts = models.JSONField(default=dict)
    state = StateField(max_length=16, choices=StandingState.choices, default=S.CHECKING, protected=True)
    ended_at = models.DateTimeField(null=True)

    objects = StandingOrderQuerySet.as_manager()

    replaced_whole = frozenset({"figures", "stop_facts"})

    class Meta:
        ordering = ["name"]
        constraints = [
            state_constraint(StandingState, "standing_order_state"),
            models.CheckConstraint(
                condition=~Q(state__in=(S.IN_FORCE, S.PAUSED))
                | (Q(asked_by__isnull=False, decided_by__isnull=False) & ~Q(decided_by=F("asked_by"))),
                name="standing_order_four_eyes",
            ),
            models.CheckConstraint(
                condition=Q(basis=StandingBasis.GROUP, group__isnull=False)
                | (~Q(basis=StandingBasis.GROUP) & Q(group=None)),
                name="standing_order_group",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="standing_order_due",
                condition=Q(next_attempt_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def who(self) -> str:
        """The name of the group, unit or search."""
        if self.group is not None:
            return self.group.name
        return self.search_name or str(self.criteria.get("organisational_unit", ""))

    @classmethod
    def waiting_condition(cls, _now: datetime) -> Q:
        return Q(state=S.WAITING)

    def waits(self, _now: datetime | None = None) -> bool:
        return bool(self.state == S.WAITING)

    @transition(field=state, source=S.CHECKING, target=S.WAITING)
    def conclude_dry_run(self, *, figures: dict[str, int], now: datetime) -> None:
        """The dry run is complete; a second officer decides by its figures."""
        self.figures, self.planned_at = figures, now
        self.settle_lease()

    @transition(field=state, source=S.WAITING, target=S.IN_FORCE)
    def put_in_force(self, *, by: Person, now: datetime) -> None:
        """A second officer puts it in force, for at most as many persons as the dry run counted."""
        self.decided_by, self.decided_at = by, now
        self.may_gain, self.may_lose = self.figures["gain"], self.figures["lose"]
        self.work_is_due(now)

    @transition(field=state, source=S.IN_FORCE, target=S.STOPPED)
    def stop(self, *, code: str, facts: dict[str, Any]) -> None:
        """The order is stopped by the breaker or for lack of type or officer; two officers release it."""
        self.stop_code, self.stop_facts = code, facts
        self.settle_lease()

    @transition(field=state, source=S.STOPPED, target=S.CHECKING)
    def ask_again(self, *, by: Person, now: datetime) -> None:
        """An officer asks to release a stopped order: a new dry run, then a second officer."""
        self.asked_by, self.asked_at = by, now
        self.decided_by = self.decided_at = None
        self.stop_code, self.stop_facts = "", {}
        self.work_is_due(now)

    @transition(field=state, source=S.IN_FORCE, target=S.PAUSED)
    def pause(self) -> None:
        """The order is paused: no plans until it is resumed."""
        self.settle_lease()

    @transition(field=state, source=S.PAUSED, target=S.IN_FORCE)
    def resume(self, *, now: datetime) -> None:
        """The order is resumed with its present members."""
        self.work_is_due(now)

    @transition(field=state, source=[S.CHECKING, S.WAITING, S.IN_FORCE, S.PAUSED, S.STOPPED], target=S.ENDED)
    def end(self, *, now: datetime) -> None:
        """The order has ended; members keep their tokens."""
        self.ended_at = now
        self.settle_lease()
