"""Batch orders of any kind, for tests: placed, looked through, carried out."""

import uuid
from collections.abc import Iterable
from typing import Any

from identity_manager.models import (
    BatchKind,
    BatchOrder,
    BatchSource,
    ChosenAs,
    Person,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import placing
from identity_manager.workflow.batch.pacing import AT_ONCE
from tests.identity_manager.workflow.batch.batches import work
from tests.tools import cast
from tests.tools.cast import Company

REVOKE: dict[str, Any] = {"kind": BatchKind.REVOKE, "options": {"reason": "superseded"}}
WHY = "The profile was wrong."


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


def with_token(company: Company, person: Person, state: str = "active", **fields: Any) -> SoftwareToken:
    """The person has a token in use: noted, or still to be noted (sealed)."""
    request = cast.issued(cast.accepted(cast.enabled(company.ada, person, company.vpn)))
    token = request.tokens.get()
    if state == "active":
        cast.delivered(request)
        cast.noted(token)
    return SoftwareToken.objects.get(pk=token.pk)
