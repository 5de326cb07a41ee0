"""How long a standing order takes to plan: all of a group join, then 1,000 of them leave.

An installation of its own. Timed is the worker's own verb: counting, the breaker, the members' rows, and the
placing of the batch orders; their dry runs are those of `enable`. The group is half without a token, and the
other half has one, so that both sides of the difference are large.
"""

import time
import uuid
from typing import Any

from django.conf import settings
from django.utils import timezone

from identity_manager.models import (
    BatchOrder,
    DirectoryGroup,
    DirectoryMembership,
    LossRule,
    Person,
    RoleAssignment,
    StandingBasis,
    StandingOrder,
)
from identity_manager.workflow.standing_orders import orders, planning
from tests.performance import people

LEAVERS = 1_000


def measured(number: int) -> dict[str, Any]:
    settings.BREAKER_PERSONS = number
    ids = people.make(number)
    people.give_tokens(ids[: number // 2], "vpn")
    order = in_force(ids)
    planned = seconds_to_plan(order)
    placed = BatchOrder.objects.get(standing_placement__order=order)
    if placed.total != number - number // 2:
        raise RuntimeError(f"{placed.total} of {number} were placed")
    leavers = min(LEAVERS, number // 20)
    DirectoryMembership.objects.filter(person__in=ids[:leavers]).delete()
    again = seconds_to_plan(order)
    lost = BatchOrder.objects.filter(standing_placement__order=order, kind="revoke").get()
    if lost.total != leavers:
        raise RuntimeError(f"{lost.total} of {leavers} lose it")
    each = 100_000 / number
    figures = {"standing_order_100000_s": planned * each, "standing_order_again_s": again * each}
    return {"figures": figures, "members": number}


def in_force(ids: list[str]) -> Any:
    """An order over a group of these persons, which two officers let through."""
    group = DirectoryGroup.objects.create(name="all", external_id=str(uuid.uuid4()))
    rows = (DirectoryMembership(group=group, person_id=each) for each in ids)
    DirectoryMembership.objects.bulk_create(rows, batch_size=1_000)
    maker, second = Person.objects.filter(pk__in=ids[-2:]).order_by("pk")
    for each in (maker, second):
        RoleAssignment.objects.create(person=each, role="token-administrator")
    wanted = orders.StandingOrderInput("All", StandingBasis.GROUP, "vpn", LossRule.REVOKE, group=group.pk)
    order = orders.make(actor=maker, wanted=wanted)
    planning.run(order_id=order.pk)
    order.refresh_from_db()
    return orders.put_in_force(actor=second, order_id=order.pk, seen=orders.seen_of(order))


def seconds_to_plan(order: Any) -> float:
    StandingOrder.objects.filter(pk=order.pk).update(next_attempt_at=timezone.now())
    began = time.perf_counter()
    if not planning.run(order_id=order.pk):
        raise RuntimeError("it was not planned")
    return time.perf_counter() - began
