"""Standing orders, for tests: a group with members, an order over it, planned and carried out."""

from typing import Any

from django.utils import timezone

from identity_manager.models import (
    BatchOrder,
    DirectoryGroup,
    DirectoryMembership,
    DirectorySource,
    LossRule,
    Person,
    Role,
    StandingBasis,
    StandingOrder,
)
from identity_manager.people import groups
from identity_manager.workflow.standing_orders import orders, planning
from identity_manager.workflow.standing_orders.orders import StandingOrderInput
from tests.identity_manager.workflow.batch.orders import work
from tests.tools import cast


def group(name: str = "grp-vpn", *members: Person) -> DirectoryGroup:
    """A group of a directory."""
    source, _made = DirectorySource.objects.get_or_create(name="corp")
    row = DirectoryGroup.objects.create(source=source, external_id=name, name=name)
    joins(row, *members)
    return row


def by_hand(officer: Person, *members: Person, name: str = "by-hand") -> DirectoryGroup:
    """A group made by hand, its members put in by the officer."""
    row = groups.make(actor=officer, name=name)
    if members:
        groups.add(actor=officer, group_id=row.pk, numbers=[each.personnel_number for each in members])
    return row


def joins(row: DirectoryGroup, *persons: Person) -> None:
    """As a directory run writes it."""
    for person in persons:
        DirectoryMembership.objects.get_or_create(group=row, person=person)


def leaves(row: DirectoryGroup, *persons: Person) -> None:
    DirectoryMembership.objects.filter(group=row, person__in=persons).delete()


def olga() -> Person:
    """A second Software Token Administrator."""
    found = Person.objects.filter(personnel_number="P-olga").first()
    return found or cast.person("olga", sid="", roles=(Role.TOKEN_ADMINISTRATOR,))


def made(maker: Person, row: DirectoryGroup | None, **more: Any) -> StandingOrder:
    """An order whose dry run is done."""
    values: dict[str, Any] = {
        "name": "VPN for all",
        "basis": StandingBasis.GROUP if row else StandingBasis.UNIT,
        "type_code": "vpn",
        "loss_rule": LossRule.REVOKE,
        "group": row.pk if row else None,
    }
    order = orders.make(actor=maker, wanted=StandingOrderInput(**(values | more)))
    return planned(order)


def in_force(maker: Person, row: DirectoryGroup | None, **more: Any) -> StandingOrder:
    """An order that olga has put in force, carried out."""
    order = made(maker, row, **more)
    orders.put_in_force(actor=olga(), order_id=order.pk, seen=orders.seen_of(order))
    return planned(order)


def planned(order: StandingOrder) -> StandingOrder:
    """One plan, and the batch orders that it places carried out."""
    StandingOrder.objects.filter(pk=order.pk).update(next_attempt_at=timezone.now())
    return planned_when_due(order)


def planned_when_due(order: StandingOrder) -> StandingOrder:
    """The same, as a worker does it: not before the order is due."""
    planning.run(order_id=order.pk)
    for batch in batches(order):
        while work(batch):
            pass  # the dry run, then its lines
    return StandingOrder.objects.get(pk=order.pk)


def batches(order: StandingOrder) -> list[BatchOrder]:
    """Its batch orders, the oldest first."""
    return list(BatchOrder.objects.filter(standing_placement__order=order).order_by("asked_at", "pk"))


def placed(order: StandingOrder) -> list[tuple[str, int]]:
    """Kind and number of entries of each batch order."""
    return [(batch.kind, batch.total) for batch in batches(order)]
