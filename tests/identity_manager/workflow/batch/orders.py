"""Batch orders of any kind, for tests: placed, looked through, carried out, or only what is due of them."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from identity_manager.models import (
    BatchKind,
    BatchOrder,
    BatchShard,
    BatchSource,
    ChosenAs,
    Person,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import placing
from identity_manager.workflow.batch import shards as batch_shards
from identity_manager.workflow.batch import worker as batch_worker
from identity_manager.workflow.batch.pacing import AT_ONCE
from tests.tools import cast
from tests.tools.cast import Company

REVOKE: dict[str, Any] = {"kind": BatchKind.REVOKE, "options": {"reason": "superseded"}}
WHY = "The profile was wrong."


def work(order: BatchOrder) -> bool:
    """Do what is due of the order, until nothing new comes up; whether there was anything."""
    worked = batch_worker.run(order_id=order.pk)
    while shards := due(order):
        for pk in shards:
            batch_shards.run(shard_id=pk)
        worked = True
    return worked


def due(order: BatchOrder) -> list[uuid.UUID]:
    """The shards that a message would have worked in now, in the order of the batch."""
    rows = BatchShard.objects.filter(order=order).due(timezone.now())
    return list(rows.order_by("first").values_list("pk", flat=True))


def placed(
    actor: Person, kind: BatchKind, rows: Iterable[Any], *, chosen_as: ChosenAs | None = None, **more: Any
) -> BatchOrder:
    """An order over persons, tokens or requests, looked through."""
    chosen = list(rows)
    names = {Person: ChosenAs.PERSONS, SoftwareToken: ChosenAs.TOKENS, TokenRequest: ChosenAs.REQUESTS}
    wanted = placing.BatchOrderInput(
        source=more.pop("source", BatchSource.SELECTION),
        chosen=[each if isinstance(each, str) else str(each.pk) for each in chosen],
        kind=kind,
        chosen_as=chosen_as or names[type(chosen[0])],
        **more,
    )
    order = placing.place_order(actor=actor, order_id=uuid.uuid4(), wanted=wanted)
    work(order)
    return BatchOrder.objects.get(pk=order.pk)


def revoking(actor: Person, rows: Iterable[Any], **more: Any) -> BatchOrder:
    return placed(actor, rows=rows, **REVOKE, **more)


def started(order: BatchOrder, actor: Person, *, note: str = WHY, pacing: Any = AT_ONCE) -> BatchOrder:
    """Started, and carried out as far as it may be."""
    batch_orders.start(actor=actor, order_id=order.pk, note=note, pacing=pacing)
    work(order)
    return BatchOrder.objects.get(pk=order.pk)


def lines(order: BatchOrder) -> list[tuple[str, str, list[str]]]:
    """Personnel number, outcome and the codes of the reasons, in the order of the batch."""
    rows = order.lines.listed().order_by("position")
    return [
        (
            row.whom.personnel_number if row.whom else row.personnel_number,
            row.outcome,
            [each["code"] for each in row.reasons],
        )
        for row in rows
    ]


def with_token(company: Company, person: Person, state: str = "active") -> SoftwareToken:
    """The person has a token in use: noted, or still to be noted (sealed)."""
    request = cast.issued(cast.accepted(cast.enabled(company.ada, person, company.vpn)))
    if state == "active":
        cast.noted(cast.delivered(request).tokens.get())
    return request.tokens.get()
