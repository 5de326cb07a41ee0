"""Verbs on standing orders: make, put in force or reject (a second officer), pause, resume, end."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue
from identity_manager.models import (
    DirectoryGroup,
    LossRule,
    Person,
    StandingBasis,
    StandingMember,
    StandingOrder,
    StandingState,
    TokenType,
)
from identity_manager.models.people.vouching import Exclusion
from identity_manager.task_names import PLAN_STANDING_ORDER
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import (
    NO_REASON,
    NotAllowed,
    NotPossible,
    Reason,
    Stale,
    refuse,
    require,
)
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.policy import purpose as purposes

LONGEST_NAME = 60
NOT_KEEPER = Reason(
    "keeps-no-standing-orders",
    _("Only a Software Token Administrator of all organisational units does this to a standing order."),
)
OWN_ORDER = Reason(
    "own-standing-order", _("You asked for this standing order. Another officer decides on it.")
)
REASONS: second_officer.Reasons = {Exclusion.OFFICE: NOT_KEEPER, Exclusion.ASKED: OWN_ORDER}
NO_NAME = Reason("no-standing-order-name", _("Give the standing order a name of at most 60 characters."))
NAME_TAKEN = Reason("standing-order-name-taken", _("There is a standing order of this name already."))
NO_GROUP = Reason("no-group", _("Choose a group."))
NO_CRITERIA = Reason(
    "no-criteria", _("Say at least one thing that persons are compared with; else everybody is a member.")
)
NOT_WAITING = Reason(
    "standing-order-not-waiting", _("This standing order does not wait for a second officer.")
)
FIGURES_MOVED = Reason(
    "standing-order-counted-anew",
    _("The dry run was made anew since you opened the page. Look at its figures first."),
)
NOT_IN_FORCE = Reason("standing-order-not-in-force", _("This standing order is not in force."))
NOT_PAUSED = Reason("standing-order-not-paused", _("This standing order is not paused."))
NOT_STOPPED = Reason("standing-order-not-stopped", _("This standing order is not stopped."))
ENDED_ALREADY = Reason("standing-order-ended", _("This standing order has ended already."))


@dataclass(frozen=True)
class StandingOrderInput:
    """Content of a standing order. criteria: of a unit or search; search_name: what its officer called it."""

    name: str
    basis: StandingBasis
    type_code: str
    loss_rule: LossRule
    group: uuid.UUID | None = None
    criteria: Mapping[str, str] = field(default_factory=dict)
    search_name: str = ""
    purpose: str = ""


def make(*, actor: Person, wanted: StandingOrderInput) -> StandingOrder:
    """Make a standing order: its dry run begins, then a second officer puts it in force.

    Raises NotAllowed or NotPossible, at the field.
    """
    with transaction.atomic():
        require(eligibility.administers_everywhere(actor), else_=NOT_KEEPER, kind=NotAllowed)
        name = wanted.name.strip()
        require(0 < len(name) <= LONGEST_NAME, else_=NO_NAME, field="name")
        taken = StandingOrder.objects.filter(name=name).exists()
        refuse(NAME_TAKEN if taken else None, field="name")
        token_type = TokenType.objects.active().filter(code=wanted.type_code).first()
        if token_type is None:
            raise NotPossible(eligibility.UNKNOWN_TYPE, field="type_code")
        purpose = purposes.cleaned(wanted.purpose, [token_type])
        group, criteria = _members_of(wanted)

        order = StandingOrder(name=name, basis=wanted.basis, group=group, criteria=criteria, purpose=purpose)
        order.type_code, order.loss_rule = token_type.code, wanted.loss_rule
        order.search_name = wanted.search_name[:60]
        order.asked_by = actor
        order.work_is_due(timezone.now())
        order.save()
        order.officers.add(actor)
        _record(audit.Event.STANDING_ORDER_MADE, order, actor, type=order.type_code, rule=order.loss_rule)
        queue.after_commit(PLAN_STANDING_ORDER, order.pk)
        return order


def put_in_force(*, actor: Person, order_id: uuid.UUID, seen: str) -> StandingOrder:
    """Put the order in force, by a second officer. seen: `seen_of` the order whose figures they read.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        order = locking.standing_order(order_id)
        second_officer.require(actor, order, reasons=REASONS, not_waiting=NOT_WAITING)
        require(seen == seen_of(order), else_=FIGURES_MOVED, kind=Stale)

        order.put_in_force(by=actor, now=timezone.now())
        order.save()
        order.officers.add(actor)
        _record(audit.Event.STANDING_ORDER_CONFIRMED, order, actor, counts=order.figures)
        queue.after_commit(PLAN_STANDING_ORDER, order.pk)
        return order


def reject(*, actor: Person, order_id: uuid.UUID, reason: str) -> StandingOrder:
    """Reject and end the order, by a second officer. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        order = locking.standing_order(order_id)
        second_officer.require(actor, order, reasons=REASONS, not_waiting=NOT_WAITING)
        require(reason.strip(), else_=NO_REASON, field="reason")

        order.decided_by, order.decided_at, order.reason = actor, timezone.now(), reason.strip()
        _end(order)
        _record(audit.Event.STANDING_ORDER_REFUSED, order, actor)
        return order


def decision_obstacle(*, actor: Person, order: StandingOrder) -> Reason | None:
    """Why this actor cannot decide on the standing order, or None."""
    return second_officer.obstacle(actor, order, REASONS) if order.waits() else NOT_WAITING


def seen_of(order: StandingOrder) -> str:
    """Identifier of the dry run that a second officer confirms, to detect a stale page."""
    return order.planned_at.isoformat() if order.planned_at else ""


def pause(*, actor: Person, order_id: uuid.UUID) -> StandingOrder:
    """Pause the order: no plans until it is resumed. Raises NotAllowed or Stale."""
    with transaction.atomic():
        order = _fetch(actor, order_id)
        require(order.state == StandingState.IN_FORCE, else_=NOT_IN_FORCE, kind=Stale)

        order.pause()
        order.save()
        _record(audit.Event.STANDING_ORDER_PAUSED, order, actor)
        return order


def resume(*, actor: Person, order_id: uuid.UUID) -> StandingOrder:
    """Resume a paused order; its breaker counts all changes meanwhile. Raises NotAllowed or Stale."""
    with transaction.atomic():
        order = _fetch(actor, order_id)
        require(order.state == StandingState.PAUSED, else_=NOT_PAUSED, kind=Stale)

        order.resume(now=timezone.now())
        order.save()
        _record(audit.Event.STANDING_ORDER_RESUMED, order, actor)
        queue.after_commit(PLAN_STANDING_ORDER, order.pk)
        return order


def ask_again(*, actor: Person, order_id: uuid.UUID) -> StandingOrder:
    """Have a stopped order go on: a new dry run, then another officer decides. From then on it runs by the
    rights of who asks.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        order = _fetch(actor, order_id)
        require(order.state == StandingState.STOPPED, else_=NOT_STOPPED, kind=Stale)

        order.ask_again(by=actor, now=timezone.now())
        order.save()
        order.officers.add(actor)
        _record(audit.Event.STANDING_ORDER_ASKED, order, actor)
        queue.after_commit(PLAN_STANDING_ORDER, order.pk)
        return order


def ending_obstacle(order: StandingOrder) -> Reason | None:
    """Why the standing order cannot be ended by anybody, or None."""
    return ENDED_ALREADY if order.state == StandingState.ENDED else None


def end(*, actor: Person, order_id: uuid.UUID) -> StandingOrder:
    """End the order for good; members keep their tokens.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        order = _fetch(actor, order_id)
        refuse(ending_obstacle(order), kind=Stale)

        _end(order)
        _record(audit.Event.STANDING_ORDER_ENDED, order, actor)
        return order


def _end(order: StandingOrder) -> None:
    now = timezone.now()
    order.end(now=now)
    order.save()
    StandingMember.objects.present().filter(order=order).update(until=now)


def _members_of(wanted: StandingOrderInput) -> tuple[DirectoryGroup | None, dict[str, str]]:
    """The group, or the criteria that are not empty."""
    if wanted.basis == StandingBasis.GROUP:
        living = DirectoryGroup.objects.filter(gone_at=None)
        group = living.filter(pk=wanted.group).first() if wanted.group else None
        require(group is not None, else_=NO_GROUP, field="group")
        return group, {}
    criteria = {name: value.strip() for name, value in wanted.criteria.items() if value.strip()}
    field = "unit" if wanted.basis == StandingBasis.UNIT else "search"
    require(criteria.keys() - {"kind"}, else_=NO_CRITERIA, field=field)
    return None, criteria


def _fetch(actor: Person, order_id: uuid.UUID) -> StandingOrder:
    order = locking.standing_order(order_id)
    require(eligibility.administers_everywhere(actor), else_=NOT_KEEPER, kind=NotAllowed)
    return order


def _record(event: audit.Event, order: StandingOrder, actor: Person, **facts: object) -> None:
    audit.record(event, actor=actor, subject=None, standing_order=str(order.pk), name=order.name, **facts)
