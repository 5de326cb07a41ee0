"""Places batch orders: by an officer on a page, or by Identity Manager itself, for a cause that it names.

Nothing is done yet: the dry run begins. An order that Identity Manager places starts by itself after it, as
far as the breaker lets it.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue
from identity_manager.directory import csv_file
from identity_manager.models import BatchKind, BatchOrder, BatchSource, ChosenAs, Person, TokenType
from identity_manager.task_names import RUN_BATCH_ORDER
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, refuse, require
from identity_manager.workflow.batch import entries
from identity_manager.workflow.batch.askers import gives_orders
from identity_manager.workflow.batch.kinds import KINDS
from identity_manager.workflow.batch.kinds.kind import OrderKind
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.policy import purpose as purposes

MOST_BYTES = 5 * 1024 * 1024

NO_ADMINISTRATOR = Reason(
    "no-token-administrator", _("Only a Software Token Administrator gives batch orders of this kind.")
)
NO_OFFICER = Reason(
    "no-registration-officer", _("Only a Registration Officer gives batch orders of this kind.")
)
NOT_YOURS = Reason("not-your-order", _("Somebody else has given this batch order."))
NOBODY_CHOSEN = Reason("nobody-chosen", _("Nobody is chosen, so there is nothing to do."))
NOT_FOR_THESE = Reason("not-for-these", _("This cannot be done to what was chosen."))
NO_CAUSE = Reason("no-cause", _("An order of Identity Manager itself names its cause."))
TOO_LARGE = Reason("batch-file-too-large", _("The file of this batch order is larger than 5 MB. Split it."))


@dataclass(frozen=True)
class BatchOrderInput:
    """Content of an order. chosen: read once, in blocks: ids of what chosen_as says, or personnel numbers.

    types, accept_partial, purpose (what the tokens are for): of orders that enable. options: what the kind
    needs. search: the query that found what is chosen. cause: why Identity Manager places it, in source CODE;
    note: why, as the asker says.
    """

    source: BatchSource
    chosen: Iterable[str]
    types: Sequence[uuid.UUID] = ()
    kind: BatchKind = BatchKind.ENABLE
    chosen_as: ChosenAs = ChosenAs.PERSONS
    accept_partial: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    file_name: str = ""
    search: str = ""
    note: str = ""
    purpose: str = ""
    cause: str = ""


def place_order(*, actor: Person, order_id: uuid.UUID, wanted: BatchOrderInput) -> BatchOrder:
    """Place a batch order; its dry run begins.

    order_id: placed twice with the same id, it is one order. actor: by whose rights each line is done, also
    where Identity Manager places it.

    Raises NotAllowed, or NotPossible (nobody, a wrong option, no type or one that is not offered, no
    purpose).
    """
    kind = KINDS[wanted.kind]
    require(gives_orders(actor, office=kind.office), else_=not_allowed(kind), kind=NotAllowed)
    chosen_as = ChosenAs.NUMBERS if wanted.source == BatchSource.FILE else wanted.chosen_as
    require(kind.can_be_chosen_as(chosen_as), else_=NOT_FOR_THESE)
    require(wanted.cause or wanted.source != BatchSource.CODE, else_=NO_CAUSE)
    if wrong := kind.options_obstacle(wanted.options):
        raise NotPossible(wrong[1], field=wrong[0])
    with transaction.atomic():
        types = _types(wanted)
        values = _values(actor, wanted, kind) | {"purpose": purposes.cleaned(wanted.purpose, types)}
        order, created = BatchOrder.objects.get_or_create(pk=order_id, defaults=values)
        require(order.asked_by_id == actor.pk, else_=NOT_YOURS, kind=NotAllowed)
        if created:
            _begin(order, wanted, types, actor=actor)
        return order


def not_allowed(kind: OrderKind) -> Reason:
    """Refusal that names the office which gives orders of this kind."""
    return NO_ADMINISTRATOR if kind.office == OrderKind.office else NO_OFFICER


def numbers_in(content: bytes) -> list[str]:
    """The personnel numbers of a file. Raises NotPossible at `file`."""
    refuse(TOO_LARGE if len(content) > MOST_BYTES else None, field="file")
    try:
        return csv_file.read_numbers(content)
    except csv_file.UnreadableFile as error:
        raise NotPossible(Reason("unreadable", str(error)), field="file") from error


def _begin(order: BatchOrder, wanted: BatchOrderInput, types: Sequence[TokenType], *, actor: Person) -> None:
    order.types.set(types)
    order.total = entries.store(order, wanted.chosen)
    require(order.total, else_=NOBODY_CHOSEN, field="file")
    order.save()
    audit.record(
        audit.Event.BATCH_CREATED,
        actor=actor,
        subject=None,
        batch=str(order.pk),
        kind=order.kind,
        source=order.source,
        cause=order.cause,
        rows=order.total,
        types=[each.code for each in types],
    )
    queue.after_commit(RUN_BATCH_ORDER, order.pk)


def _values(actor: Person, wanted: BatchOrderInput, kind: OrderKind) -> dict[str, Any]:
    return {
        "asked_by": actor,
        "kind": wanted.kind,
        "office": kind.office,
        "source": wanted.source,
        "chosen_as": wanted.chosen_as,
        "search": wanted.search,
        "file_name": wanted.file_name[-200:],
        "accept_partial": wanted.accept_partial,
        "options": dict(wanted.options),
        "note": wanted.note.strip(),
        "cause": wanted.cause[:200],
        "total": 0,
        "next_attempt_at": timezone.now(),
    }


def _types(wanted: BatchOrderInput) -> list[TokenType]:
    if wanted.kind != BatchKind.ENABLE:
        return []
    require(wanted.types, else_=eligibility.NO_TYPE, field="types")
    types = list(TokenType.objects.active().filter(pk__in=wanted.types))
    require(len(types) == len(set(wanted.types)), else_=eligibility.UNKNOWN_TYPE, field="types")
    return types
