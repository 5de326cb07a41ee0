"""Forwards the sealed audit log to each SIEM sink: at least once, in the order of the chain.

The cursor moves only after the receiver has confirmed a batch. A batch that was not confirmed is sent again:
a receiver may see an event twice, with the same id and number.
"""

import uuid
from collections.abc import Sequence
from itertools import repeat

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue
from identity_manager.catalogue import permission
from identity_manager.events import log_lines, siem_connection
from identity_manager.events.siem_configuration import SinkConfiguration
from identity_manager.models import AuditChain, AuditEvent, Person, SiemSink
from identity_manager.models.lease import lease_end
from identity_manager.task_names import FORWARD_LOG
from identity_manager.transactions.refusals import NotAllowed, Reason, require
from identity_manager.transactions.time_limit import within_time_limit

BATCH = 500
NOT_ADMINISTRATOR = Reason(
    "siem-not-administrator", _("A System Administrator has audit events sent to a SIEM again.")
)
NO_SINK = Reason("no-siem-sink", _("The settings have no SIEM sink of this name."))
NOT_SENT_YET = Reason(
    "siem-number-not-sent", _("Enter the number of an event that was sent already, from 1 on.")
)


def wake() -> int:
    """Make due and publish each configured sink that is behind; return how many."""
    end, woken = last_number(), 0
    for name in settings.SIEM_SINKS:
        row, _made = SiemSink.objects.get_or_create(name=name)
        idle = SiemSink.objects.filter(pk=row.pk, next_attempt_at=None).exclude(number=end)
        if idle.update(next_attempt_at=timezone.now(), attempts=0):
            queue.after_commit(FORWARD_LOG, row.pk)
            woken += 1
    return woken


def last_number() -> int:
    """The number of the newest sealed event; 0 before the first."""
    return AuditChain.objects.filter(pk=1).values_list("number", flat=True).first() or 0


def behind(row: SiemSink) -> int:
    """How many sealed events the sink has not confirmed."""
    return max(0, last_number() - row.number)


def forward(*, sink_id: uuid.UUID) -> None:
    """Lease the sink and send batches, moving the cursor after each. Does nothing if it is not due."""
    with transaction.atomic():
        claim_id = SiemSink.objects.claim(sink_id, now=timezone.now())
    if claim_id is None:
        return
    row = SiemSink.objects.get(pk=sink_id)
    sink = settings.SIEM_SINKS.get(row.name)
    if sink is None:
        _end(row, claim_id)
        return
    for _turn in within_time_limit(repeat(None)):
        if not _forward_batch(sink_id, claim_id, sink):
            return
    _end(row, claim_id, error="", more=True)


def _forward_batch(sink_id: uuid.UUID, claim_id: uuid.UUID, sink: SinkConfiguration) -> bool:
    """Send the next batch; False where there is none, it failed, or the claim is another's by now."""
    row = SiemSink.objects.filter(pk=sink_id, claim_id=claim_id).first()
    if row is None:
        return False
    events = _next_events(row, sink)
    if not events:
        _end(row, claim_id)
        return False
    try:
        siem_connection.send(sink, (log_lines.message(event, sink) for event in events))
    except siem_connection.NotConfirmedError as error:
        _end(row, claim_id, error=str(error))
        return False
    now = timezone.now()
    ours = SiemSink.objects.filter(pk=sink_id, claim_id=claim_id)
    return bool(
        ours.update(
            number=events[-1].number, confirmed_at=now, leased_until=lease_end(now), attempts=1, last_error=""
        )
    )


def _next_events(row: SiemSink, sink: SinkConfiguration) -> Sequence[AuditEvent]:
    """Events after the cursor. A cursor beyond the end of the chain (manual SQL, a restore) is set back."""
    start = min(row.number, last_number())
    events = AuditEvent.objects.sealed().filter(number__gt=start)
    if sink.personal_facts:
        events = events.select_related("actor", "person")
    if start < row.number:
        SiemSink.objects.filter(pk=row.pk, claim_id=row.claim_id).update(number=start)
    return list(events[:BATCH])


def _end(row: SiemSink, claim_id: uuid.UUID, *, error: str = "", more: bool = False) -> None:
    """Settle the lease. more: events wait, and this run has taken long enough."""
    with transaction.atomic():
        found = SiemSink.objects.filter(pk=row.pk, claim_id=claim_id).first()
        if found is None:
            return
        if error:
            found.settle_later(error, now=timezone.now())
        else:
            found.settle_lease()
        if more:
            found.work_is_due(timezone.now())
            queue.after_commit(FORWARD_LOG, found.pk)
        _save_lease(found, claim_id)


def _save_lease(row: SiemSink, claim_id: uuid.UUID) -> None:
    """Write the lease columns alone, while the claim is ours: the cursor may have been set back meanwhile."""
    names = (
        *("claim_id", "leased_until", "next_attempt_at", "attempts", "nudged_at", "last_error"),
        "last_error_at",
    )
    ours = SiemSink.objects.filter(pk=row.pk, claim_id=claim_id)
    ours.update(**{name: getattr(row, name) for name in names})


def resend(*, actor: Person | None, name: str, number: int) -> SiemSink:
    """Set the cursor back, so that events from this number on are sent again. actor: None for a command.

    Takes the lease over, so that a batch under way does not move the cursor. Raises NotAllowed, NotPossible.
    """
    with transaction.atomic():
        allowed = actor is None or permission.is_system_administrator(actor)
        require(allowed, else_=NOT_ADMINISTRATOR, kind=NotAllowed)
        require(name in settings.SIEM_SINKS, else_=NO_SINK)
        row, _made = SiemSink.objects.get_or_create(name=name)
        require(1 <= number <= row.number, else_=NOT_SENT_YET, field="number")
        row.number = number - 1
        row.let_go()
        row.work_is_due(timezone.now())
        row.save()
        queue.after_commit(FORWARD_LOG, row.pk)
        audit.record(audit.Event.SIEM_RESENT, actor=actor, subject=None, sink=name, first=number)
        return row
