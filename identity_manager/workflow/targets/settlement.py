"""Settlement: saves the outcomes of a group of placements in one transaction, fenced by the lease."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from ca_bridge.database.state_machine import save_many
from identity_manager import audit
from identity_manager.models import AuditEvent, Placement, PlacementState
from identity_manager.transactions import locking
from identity_manager.workflow.targets import sole_delivery
from identity_manager.workflow.targets.calls import CallOutcome, PlacementCall
from identity_manager.workflow.targets.lease import LeasedTarget

NO_PLACE_AGAIN = timedelta(hours=6)  # an account at the target is often created later than the person here
SAVED = (
    "state",
    "wanted",
    "place",
    "mark",
    "successor",
    "intended_at",
    "there_at",
    "gone_at",
    "parcel_wrapped",
    "claim_id",
    "leased_until",
)
SAVED_LEASE = ("attempts", "next_attempt_at", "nudged_at", "last_error", "last_error_at")


def settle(leased: LeasedTarget, works: Sequence[PlacementCall]) -> None:
    """Save each outcome. A placement whose `wanted` was changed during the call becomes due again.

    Raises LeaseLost.
    """
    with transaction.atomic():
        leased.renew()
        tokens = sole_delivery.lock_parents([work.row.pk for work in works if work.row.carries_key])
        olds = {work.predecessor.pk for work in works if work.predecessor is not None}
        rows = {row.pk: row for row in locking.placements({*olds, *(work.row.pk for work in works)})}
        now = timezone.now()
        events = [event for work in works for event in _settle(rows, work, now)]
        save(list(rows.values()))
        audit.append(events)
        sole_delivery.arrive(tokens)


def save(rows: Sequence[Placement]) -> None:
    """Save placements in one statement."""
    save_many(rows, fields=(*SAVED, *SAVED_LEASE))


def _settle(rows: dict[uuid.UUID, Placement], work: PlacementCall, now: datetime) -> Iterable[AuditEvent]:
    row = rows[work.row.pk]
    row.attempts += 1
    match work.outcome:
        case CallOutcome.ADDED:
            row.mark_published(now=now)
            yield _event(
                audit.Event.KEY_HANDED_OVER if row.carries_key else audit.Event.PLACEMENT_ADDED, work
            )
            yield from _succeed(rows, work, now)
        case CallOutcome.WAS_THERE:
            row.leave_to_others()
            yield _event(audit.Event.PLACEMENT_NOT_OURS, work)
        case CallOutcome.REMOVED:
            row.take_back(now=now)
            yield _event(audit.Event.PLACEMENT_TAKEN_BACK, work)
        case CallOutcome.UNKNOWN:
            row.park()
            yield _event(audit.Event.PLACEMENT_PARKED, work)
        case CallOutcome.REFUSED if work.row.wanted:
            row.refuse(words=work.words, now=now)
            yield _event(audit.Event.PLACEMENT_REFUSED, work)
        case _:
            _put_off(row, work, now)
            return
    if row.state not in (PlacementState.PARKED, PlacementState.REFUSED):
        row.make_due(now)


def _put_off(row: Placement, work: PlacementCall, now: datetime) -> None:
    """Schedule a retry with backoff; every NO_PLACE_AGAIN if the person has no entry at the target.

    A key that does not open stays *intended* where it was: nobody has looked whether it is there.
    """
    if work.outcome in (CallOutcome.NOT_DONE, CallOutcome.NO_PLACE) and row.state == PlacementState.INTENDED:
        row.not_done()
    if work.outcome == CallOutcome.NOT_DONE:
        row.make_due(now)  # the target waits as a whole
    else:
        waits = now + NO_PLACE_AGAIN if work.outcome == CallOutcome.NO_PLACE else None
        row.settle_later(work.words, now=now, not_before=waits)
    if not row.has_work:  # it is not wanted any more
        row.settle_lease()


def _succeed(rows: dict[uuid.UUID, Placement], work: PlacementCall, now: datetime) -> Iterable[AuditEvent]:
    """Set the predecessor to unwanted, and to removed if the put replaced it in the same modify."""
    if work.predecessor is None:
        return
    old = rows[work.predecessor.pk]
    old.successor, old.wanted = rows[work.row.pk], False
    if work.swapped and old.state == PlacementState.THERE:
        old.take_back(now=now)
        yield _event(audit.Event.PLACEMENT_TAKEN_BACK, work, old)
    old.make_due(now)


def _event(event: audit.Event, work: PlacementCall, row: Placement | None = None) -> AuditEvent:
    certificate = (row or work.row).certificate
    return audit.event_about(
        event,
        actor=None,
        subject=work.row.certificate.token,
        target=work.row.target.name,
        certificate=str(certificate.pk),
        serial=certificate.serial,
    )
