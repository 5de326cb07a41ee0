"""Verbs on placed batch orders: start, confirm or refuse (a second officer), pause, resume, cancel.

A dry run has shown what would be done, and what cannot and why. Nothing is done before the start, and then
each line is decided on anew (worker.py, shards.py). Workers hold shards of the order: deleting the shards in
the transaction that stops the order keeps all of them from writing anything more.
"""

import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue
from identity_manager.models import BatchLine, BatchOrder, BatchState, LineOutcome, Person
from identity_manager.models.batch.order import ENDED
from identity_manager.models.people.vouching import Exclusion
from identity_manager.task_names import RUN_BATCH_ORDER
from identity_manager.transactions import locking, retry_later, second_officer
from identity_manager.transactions.refusals import (
    NO_REASON,
    NotAllowed,
    Reason,
    Stale,
    refuse,
    require,
)
from identity_manager.workflow.batch import approver_mails, breaker, entries
from identity_manager.workflow.batch.askers import gives_orders, may_manage
from identity_manager.workflow.batch.kinds import kind_of
from identity_manager.workflow.batch.pacing import AT_ONCE, Pacing

KEPT = timedelta(days=7)
SETTLED = (LineOutcome.ENABLED, LineOutcome.DONE, LineOutcome.SKIPPED)

NOT_YOUR_BATCH = Reason(
    "not-your-batch",
    _("Only who gave this batch order, or a Software Token Administrator of all units, can do this."),
)
NOT_YOURS_TO_START = Reason(
    "not-yours-to-start", _("Only who gave this batch order starts it: the dry run is by their rights.")
)
NOT_CHECKED = Reason("batch-not-checked", _("This batch order does not wait for its start any more."))
NOTHING_READY = Reason("nothing-ready", _("Nothing of this batch order can be done."))
NOT_RUNNING = Reason("batch-not-running", _("This batch order is not running, so there is nothing to pause."))
NOT_PAUSED = Reason("batch-not-paused", _("This batch order is not paused, so it cannot go on."))
ENDED_ALREADY = Reason("batch-ended", _("This batch order has ended already."))
ASKER_CANNOT = Reason(
    "asker-cannot",
    _("Who gave this batch order does not have the role for it any more. Nothing else is done by it."),
)
NOT_TO_CONFIRM = Reason(
    "batch-not-to-confirm", _("This batch order does not wait for a second officer any more.")
)
NO_SECOND_OFFICER = Reason(
    "no-second-officer-of-batch",
    _("Only an officer with the role for it, for all organisational units, confirms this batch order."),
)
OWN_BATCH = Reason("own-batch", _("You gave this batch order. Another officer decides on it."))
REASONS: second_officer.Reasons = {Exclusion.OFFICE: NO_SECOND_OFFICER, Exclusion.ASKED: OWN_BATCH}


def conclude_dry_run(order: BatchOrder) -> None:
    """Every entry of the locked order was looked at; one that Identity Manager placed starts by itself."""
    order.conclude_dry_run()
    entries.forget(order.pk)
    if not order.cause:
        return
    counts = counts_of(order)
    if counts.get(LineOutcome.READY) and gives_orders(order.asked_by, office=order.office):
        _start_or_wait(order, counts, actor=None)
    else:
        order.finish(counts=counts, now=timezone.now())
        audit.record(audit.Event.BATCH_FINISHED, actor=None, subject=None, batch=str(order.pk), counts=counts)


def start(*, actor: Person, order_id: uuid.UUID, note: str = "", pacing: Pacing = AT_ONCE) -> BatchOrder:
    """Carry out the dry run's result, or have a second officer confirm it first where the breaker says so.

    note: why it is done. pacing: lines an hour, and the time of day.

    Raises NotAllowed, Stale, NotPossible (nothing can be done, or at `note`).
    """
    with transaction.atomic():
        order = locking.batch_order(order_id)
        own = order.asked_by_id == actor.pk and gives_orders(actor, office=order.office)
        require(own, else_=NOT_YOURS_TO_START, kind=NotAllowed)
        require(order.state == BatchState.CHECKED, else_=NOT_CHECKED, kind=Stale)
        counts = counts_of(order)
        require(counts.get(LineOutcome.READY), else_=NOTHING_READY)
        refuse(pacing.obstacle, field="window_from")
        require(note.strip() or not kind_of(order).wants_note, else_=NO_REASON, field="note")

        order.note = note.strip() or order.note
        order.rate, order.window_from, order.window_to = pacing.columns
        _start_or_wait(order, counts, actor=actor)
        order.save()
        return order


def confirm(*, actor: Person, order_id: uuid.UUID) -> BatchOrder:
    """The second officer agrees: the order starts.

    Raises NotAllowed, Stale, or NotPossible (who asked has lost the role).
    """
    with transaction.atomic():
        order = locking.batch_order(order_id)
        second_officer.require(actor, order, reasons=REASONS, not_waiting=NOT_TO_CONFIRM)
        require(gives_orders(order.asked_by, office=order.office), else_=ASKER_CANNOT)

        order.decided_by, order.decided_at = actor, timezone.now()
        audit.record(audit.Event.BATCH_CONFIRMED, actor=actor, subject=None, batch=str(order.pk))
        _start(order, counts_of(order), actor=actor)
        order.save()
        return order


def reject(*, actor: Person, order_id: uuid.UUID, reason: str) -> BatchOrder:
    """The second officer does not agree: the order is cancelled. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        order = locking.batch_order(order_id)
        second_officer.require(actor, order, reasons=REASONS, not_waiting=NOT_TO_CONFIRM)
        require(reason.strip(), else_=NO_REASON, field="reason")

        order.decided_by, order.decided_at, order.reason = actor, timezone.now(), reason.strip()
        audit.record(audit.Event.BATCH_REFUSED, actor=actor, subject=None, batch=str(order.pk))
        return _cancelled(order, actor=actor)


def decision_obstacle(*, actor: Person, order: BatchOrder) -> Reason | None:
    """Why this actor does not decide on the batch order, or None."""
    return second_officer.obstacle(actor, order, REASONS) if order.waits() else NOT_TO_CONFIRM


def pause(*, actor: Person, order_id: uuid.UUID) -> BatchOrder:
    """Pause; what is done stays done. Raises NotAllowed or Stale."""
    with transaction.atomic():
        order = _fetch(actor, order_id)
        require(order.state == BatchState.RUNNING, else_=NOT_RUNNING, kind=Stale)

        return hold(order, actor=actor, because="")


def resume(*, actor: Person, order_id: uuid.UUID) -> BatchOrder:
    """Resume. Raises NotAllowed, Stale, NotPossible (the asker lost the permission)."""
    with transaction.atomic():
        order = _fetch(actor, order_id)
        require(order.state == BatchState.PAUSED, else_=NOT_PAUSED, kind=Stale)
        require(gives_orders(order.asked_by, office=order.office), else_=ASKER_CANNOT)

        counts = counts_of(order)
        order.resume(done=done_of(counts), now=timezone.now())
        order.save()
        audit.record(audit.Event.BATCH_RESUMED, actor=actor, subject=None, batch=str(order.pk), counts=counts)
        queue.after_commit(RUN_BATCH_ORDER, order.pk)
        return order


def cancelling_obstacle(order: BatchOrder) -> Reason | None:
    """Why the batch order cannot be cancelled by anybody, or None."""
    return ENDED_ALREADY if order.state in ENDED else None


def cancel(*, actor: Person, order_id: uuid.UUID) -> BatchOrder:
    """Cancel; what is done stays done. Raises NotAllowed or Stale."""
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


def counts_of(order: BatchOrder) -> dict[str, int]:
    """Number of lines by outcome."""
    return BatchLine.objects.counted([order.pk])[order.pk]


def done_of(counts: dict[str, int]) -> int:
    """Number of lines that were carried out or skipped."""
    return sum(counts.get(each, 0) for each in SETTLED)


def _start_or_wait(order: BatchOrder, counts: dict[str, int], *, actor: Person | None) -> None:
    if breaker.reason_to_wait(order, counts[LineOutcome.READY]) is None:
        _start(order, counts, actor=actor)
        return
    order.wait()
    audit.record(audit.Event.BATCH_ASKED, actor=actor, subject=None, batch=str(order.pk), counts=counts)


def _start(order: BatchOrder, counts: dict[str, int], *, actor: Person | None) -> None:
    order.start(now=timezone.now())
    audit.record(
        audit.Event.BATCH_STARTED,
        actor=actor,
        subject=None,
        batch=str(order.pk),
        counts=counts,
        note=order.note,
        cause=order.cause,
    )
    queue.after_commit(RUN_BATCH_ORDER, order.pk)


def _fetch(actor: Person, order_id: uuid.UUID) -> BatchOrder:
    order = locking.batch_order(order_id)
    require(may_manage(actor, order), else_=NOT_YOUR_BATCH, kind=NotAllowed)
    return order


def _cancelled(order: BatchOrder, *, actor: Person | None) -> BatchOrder:
    _keep_workers_out(order)
    entries.forget(order.pk)
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
