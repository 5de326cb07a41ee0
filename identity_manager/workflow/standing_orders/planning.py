"""Planning of standing orders: a worker compares the members, and places batch orders for who joined or left.

It claims a due order, counts, and places them, or stops the order. Shape of an outside call: claim, act under
the lease, settle if the claim still holds.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.utils import timezone

from ca_bridge.database import statistics
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import standing_order_messages
from identity_manager.models import (
    DirectoryMembership,
    DirectoryRun,
    Person,
    Role,
    RunState,
    SoftwareToken,
    StandingMember,
    StandingOrder,
    StandingState,
    TokenType,
)
from identity_manager.models.lease import LeaseLost
from identity_manager.people.breaker import Stop
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Refused
from identity_manager.transactions.retry_later import retry_later_on_error
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.standing_orders import batch_orders, breaker, outcomes

EVERY = timedelta(minutes=15)
WHILE_APPLYING = timedelta(minutes=1)
LEASE = timedelta(minutes=2)


@dataclass
class Plan:
    """The plan of a claimed order."""

    order: StandingOrder
    claim: uuid.UUID

    def carry_out(self) -> None:
        """Conclude the dry run of a new order; plan an order in force for its present members."""
        token_type = outcomes.active_type(self.order)
        if token_type is None:
            self._stop(Stop("standing-order-type-withdrawn", {"name": self.order.type_code}))
        elif self.order.asked_by is None or not eligibility.administers_everywhere(self.order.asked_by):
            self._stop(Stop("standing-order-asker-gone", {"name": str(self.order.asked_by or "")}))
        elif self.order.state == StandingState.CHECKING:
            self._conclude(token_type)
        elif self._is_changing():
            self._settle(due=timezone.now() + WHILE_APPLYING)
        else:
            self._bring_up_to_date(token_type)

    def put_off(self, error: Exception) -> None:
        """Retry later, with the fault on the row."""
        with transaction.atomic():
            order = self._locked()
            order.settle_later(f"{type(error).__name__}: {error}"[:2000], now=timezone.now())
            order.save()

    def _is_changing(self) -> bool:
        """Whether a directory run is applying changes to the members, which are incomplete until it ends."""
        runs = DirectoryRun.objects.filter(state=RunState.APPLYING)
        if self.order.group is not None:
            runs = runs.filter(source=self.order.group.source_id)  # a group made by hand has no source
        return runs.exists()

    def _conclude(self, token_type: TokenType) -> None:
        # Without fresh statistics of rows that a directory run has just written, the planner plans badly.
        statistics.analyze(Person, DirectoryMembership, SoftwareToken)
        figures = outcomes.count(self.order, token_type)
        with transaction.atomic():
            order = self._locked()
            order.conclude_dry_run(figures=figures, now=timezone.now())
            order.save()

    def _bring_up_to_date(self, token_type: TokenType) -> None:
        now = timezone.now()
        with transaction.atomic():
            self._locked()
            batch_orders.store_results(self.order, now)
        figures = outcomes.count(self.order, token_type)
        if found := breaker.stop(self.order, figures):
            self._stop(found, figures)
            return
        self._add_members(now)
        try:
            self._place(token_type, figures, now)
        except batch_orders.Moved:
            self._settle(due=now)
        except Refused as refused:
            self._stop(Stop("standing-order-refused", {"why": refused.reason.sentence}), figures)

    def _place(self, token_type: TokenType, figures: dict[str, int], now: datetime) -> None:
        with transaction.atomic():
            order = self._locked()
            placed = batch_orders.place(order, token_type, figures, now)
            order.figures, order.planned_at = figures, now
            order.settle_lease()
            order.work_is_due(now + EVERY)
            order.save()
            if placed:
                counts = {name: figures[name] for name in ("gain", "lose", "members")}
                _record(audit.Event.STANDING_ORDER_PLANNED, order, counts=counts)

    def _add_members(self, now: datetime) -> None:
        new, added = iter(outcomes.keys(batch_orders.new_members(self.order), "pk")), 0
        while some := list(islice(new, batch_orders.PER_TRANSACTION)):
            with transaction.atomic():
                self._renew()
                batch_orders.add_members(self.order, some, now)
            added += len(some)
        if added >= batch_orders.PER_TRANSACTION:
            statistics.analyze(StandingMember, DirectoryMembership, SoftwareToken)

    def _stop(self, found: Stop, figures: dict[str, int] | None = None) -> None:
        with transaction.atomic():
            order = self._locked()
            if order.state == StandingState.CHECKING:
                order.end(now=timezone.now())
                order.reason = str(found.reason)
            else:
                order.stop(code=found.code, facts=found.facts)
                order.figures = figures or order.figures
                _tell(order, str(found.reason))
            order.save()
            _record(audit.Event.STANDING_ORDER_STOPPED, order, reason=found.code)

    def _settle(self, *, due: datetime) -> None:
        with transaction.atomic():
            order = self._locked()
            order.settle_lease()
            order.work_is_due(due)
            order.save()

    def _locked(self) -> StandingOrder:
        """Lock the order. Raises LeaseLost if the claim does not hold any more."""
        order = locking.standing_order(self.order.pk)
        if order.claim_id != self.claim:
            raise LeaseLost
        return order

    def _renew(self) -> None:
        held = StandingOrder.objects.at_work().filter(pk=self.order.pk, claim_id=self.claim)
        if not held.update(leased_until=timezone.now() + LEASE):
            raise LeaseLost


def run(*, order_id: uuid.UUID) -> bool:
    """Plan the order if it is due; False if another worker holds it or nothing is due."""
    with transaction.atomic():
        claim = StandingOrder.objects.at_work().claim(order_id, now=timezone.now())
    if claim is None:
        return False
    rows = StandingOrder.objects.select_related("group", "asked_by")
    plan = Plan(rows.get(pk=order_id), claim)
    try:
        with retry_later_on_error(plan.put_off):
            plan.carry_out()
    except LeaseLost:
        return False
    return True


def _tell(order: StandingOrder, why: str) -> None:
    outbox.enqueue_each(
        standing_order_messages.standing_order_stopped(order, officer, why=why)
        for officer in Person.objects.holding(Role.TOKEN_ADMINISTRATOR)
    )


def _record(event: audit.Event, order: StandingOrder, **facts: object) -> None:
    audit.record(event, actor=None, subject=None, standing_order=str(order.pk), name=order.name, **facts)
