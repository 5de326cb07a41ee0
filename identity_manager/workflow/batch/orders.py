"""Verbs on batch orders: give, start, pause, resume, cancel.

A dry run first shows who would get what, and who cannot and why. Nothing is done before the start, and then
each person is decided on anew (worker.py, shards.py). Workers hold shards of the order: deleting the shards
in the transaction that stops the order keeps all of them from writing anything more.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue
from identity_manager.directory import csv_file
from identity_manager.models import (
    BatchLine,
    BatchOrder,
    BatchSource,
    BatchState,
    LineOutcome,
    Person,
    Role,
    TokenType,
)
from identity_manager.models.batch.order import ENDED
from identity_manager.task_names import RUN
from identity_manager.transactions import locking, retry_later
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Stale, refuse, require
from identity_manager.workflow.batch import approver_mails
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.policy import purpose as purposes

MOST = 20_000
MOST_BYTES = 5 * 1024 * 1024
KEPT = timedelta(days=7)

NO_ADMINISTRATOR = Reason(
    "no-token-administrator", _("Only a Software Token Administrator gives batch orders.")
)
NOT_YOUR_BATCH = Reason(
    "not-your-batch",
    _("Only who gave this batch order, or a Software Token Administrator of all units, can do this."),
)
NOT_YOURS_TO_START = Reason(
    "not-yours-to-start", _("Only who gave this batch order starts it: the dry run is by their rights.")
)
NOBODY_CHOSEN = Reason("nobody-chosen", _("Nobody is chosen, so there is nothing to do."))
TOO_MANY = Reason("too-many-persons", _("More than 20,000 persons are chosen. Give several batch orders."))
NOT_CHECKED = Reason("batch-not-checked", _("This batch order does not wait for its start any more."))
NOTHING_READY = Reason("nothing-ready", _("Nobody of this batch order can be enabled."))
NOT_RUNNING = Reason("batch-not-running", _("This batch order is not running, so there is nothing to pause."))
NOT_PAUSED = Reason("batch-not-paused", _("This batch order is not paused, so it cannot go on."))
ENDED_ALREADY = Reason("batch-ended", _("This batch order has ended already."))
TOO_LARGE = Reason("batch-file-too-large", _("The file of this batch order is larger than 5 MB. Split it."))
ASKER_CANNOT = Reason(
    "asker-cannot",
    _("Who gave this batch order is no Software Token Administrator any more. Nobody else is enabled by it."),
)


@dataclass(frozen=True)
class Wanted:
    """Content of an order. chosen: ids of persons, or personnel numbers of a file; types: ids.

    purpose: what the tokens are for, as the requester typed it.
    """

    source: BatchSource
    chosen: Sequence[str]
    types: Sequence[uuid.UUID]
    accept_partial: bool
    file_name: str = ""
    purpose: str = ""


def ask(*, actor: Person, order_id: uuid.UUID, wanted: Wanted) -> BatchOrder:
    """Give a batch order; its dry run begins.

    order_id comes from the form: a double submit creates one order.

    Raises NotAllowed, or NotPossible (nobody, too many, no type or one that is not offered, no purpose).
    """
    require(gives_orders(actor), else_=NO_ADMINISTRATOR, kind=NotAllowed)
    require(wanted.chosen, else_=NOBODY_CHOSEN, field="file")
    refuse(TOO_MANY if len(wanted.chosen) > MOST else None, field="file")
    with transaction.atomic():
        types = _types(wanted)
        purpose = purposes.cleaned(wanted.purpose, types)
        values = _values(actor, wanted) | {"purpose": purpose}
        order, created = BatchOrder.objects.get_or_create(pk=order_id, defaults=values)
        require(order.asked_by_id == actor.pk, else_=NOT_YOUR_BATCH, kind=NotAllowed)
        if created:
            order.types.set(types)
            audit.record(
                audit.Event.BATCH_CREATED,
                actor=actor,
                subject=None,
                batch=str(order.pk),
                source=order.source,
                rows=order.total,
                types=[each.code for each in types],
            )
            queue.after_commit(RUN, order.pk)
        return order


def numbers_in(content: bytes) -> list[str]:
    """The personnel numbers of a file. Raises NotPossible at `file`."""
    refuse(TOO_LARGE if len(content) > MOST_BYTES else None, field="file")
    try:
        return csv_file.read_numbers(content)
    except csv_file.UnreadableFile as error:
        raise NotPossible(Reason("unreadable", str(error)), field="file") from error


def start(*, actor: Person, order_id: uuid.UUID) -> BatchOrder:
    """Carry out the dry run's result. Raises NotAllowed, Stale, NotPossible (nobody to enable)."""
    with transaction.atomic():
        order = locking.batch_order(order_id)
        own = order.asked_by_id == actor.pk and gives_orders(actor)
        require(own, else_=NOT_YOURS_TO_START, kind=NotAllowed)
        require(order.state == BatchState.CHECKED, else_=NOT_CHECKED, kind=Stale)
        counts = counts_of(order)
        require(counts.get(LineOutcome.READY), else_=NOTHING_READY)

        order.start(now=timezone.now())
        order.save()
        audit.record(audit.Event.BATCH_STARTED, actor=actor, subject=None, batch=str(order.pk), counts=counts)
        queue.after_commit(RUN, order.pk)
        return order


def pause(*, actor: Person, order_id: uuid.UUID) -> BatchOrder:
    """Pause; enabled persons stay enabled. Raises NotAllowed or Stale."""
    with transaction.atomic():
        order = _fetch(actor, order_id)
        require(order.state == BatchState.RUNNING, else_=NOT_RUNNING, kind=Stale)

        return hold(order, actor=actor, because="")


def resume(*, actor: Person, order_id: uuid.UUID) -> BatchOrder:
    """Resume. Raises NotAllowed, Stale, NotPossible (the asker lost the permission)."""
    with transaction.atomic():
        order = _fetch(actor, order_id)
        require(order.state == BatchState.PAUSED, else_=NOT_PAUSED, kind=Stale)
        require(gives_orders(order.asked_by), else_=ASKER_CANNOT)

        order.resume(now=timezone.now())
        order.save()
        audit.record(
            audit.Event.BATCH_RESUMED, actor=actor, subject=None, batch=str(order.pk), counts=counts_of(order)
        )
        queue.after_commit(RUN, order.pk)
        return order


def cancelling_obstacle(order: BatchOrder) -> Reason | None:
    """Why the order cannot be cancelled by anybody, or None."""
    return ENDED_ALREADY if order.state in ENDED else None


def cancel(*, actor: Person, order_id: uuid.UUID) -> BatchOrder:
    """Cancel; enabled persons stay enabled. Raises NotAllowed or Stale."""
    with transaction.atomic():
        order = _fetch(actor, order_id)
        refuse(cancelling_obstacle(order), kind=Stale)

        return _cancelled(order, actor=actor)


def hold(order: BatchOrder, *, actor: Person | None, because: str) -> BatchOrder:
    """Pause a locked order: by an officer, or by the system (actor None) with a reason code."""
    _keep_workers_out(order)
    order.pause(because=because)
    order.save()
    approver_mails.tell(order)
    audit.record(
        audit.Event.BATCH_PAUSED, actor=actor, subject=None, batch=str(order.pk), counts=counts_of(order)
    )
    return order


def forget_old() -> int:
    """Job: cancel orders not started within KEPT; returns how many."""
    old = BatchOrder.objects.forgotten(timezone.now() - KEPT).values_list("pk", flat=True)
    return retry_later.for_each_isolated(old, _forget)


def gives_orders(actor: Person) -> bool:
    """Whether the actor is a Software Token Administrator of any unit; persons are checked one by one."""
    return actor.is_active and actor.has_role(Role.TOKEN_ADMINISTRATOR)


def may_manage(actor: Person, order: BatchOrder) -> bool:
    """Whether the actor may pause, resume and cancel the order."""
    if order.asked_by_id == actor.pk:
        return gives_orders(actor)
    return actor.is_active and actor.has_role(Role.TOKEN_ADMINISTRATOR, unit="")


def counts_of(order: BatchOrder) -> dict[str, int]:
    """Number of lines by outcome."""
    return BatchLine.objects.counted([order.pk])[order.pk]


def _values(actor: Person, wanted: Wanted) -> dict[str, Any]:
    return {
        "asked_by": actor,
        "source": wanted.source,
        "file_name": wanted.file_name[-200:],
        "accept_partial": wanted.accept_partial,
        "chosen": list(wanted.chosen),
        "total": len(wanted.chosen),
        "next_attempt_at": timezone.now(),
    }


def _types(wanted: Wanted) -> list[TokenType]:
    require(wanted.types, else_=eligibility.NO_TYPE, field="types")
    types = list(TokenType.objects.active().filter(pk__in=wanted.types))
    require(len(types) == len(set(wanted.types)), else_=eligibility.UNKNOWN_TYPE, field="types")
    return types


def _fetch(actor: Person, order_id: uuid.UUID) -> BatchOrder:
    order = locking.batch_order(order_id)
    require(may_manage(actor, order), else_=NOT_YOUR_BATCH, kind=NotAllowed)
    return order


def _cancelled(order: BatchOrder, *, actor: Person | None) -> BatchOrder:
    _keep_workers_out(order)
    counts = counts_of(order)
    order.cancel(counts=counts, now=timezone.now())
    order.save()
    approver_mails.tell(order)
    audit.record(audit.Event.BATCH_CANCELLED, actor=actor, subject=None, batch=str(order.pk), counts=counts)
    return order


def _keep_workers_out(order: BatchOrder) -> None:
    """Called first: waits for the chunks under way, so that counts are final."""
    order.shards.all().delete()


def _forget(order_id: uuid.UUID) -> int:
    with transaction.atomic():
        order = locking.batch_order(order_id)
        if not BatchOrder.objects.forgotten(timezone.now() - KEPT).filter(pk=order_id).exists():
            return 0
        _cancelled(order, actor=None)
        return 1
