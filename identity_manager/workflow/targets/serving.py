"""Task that serves a target: claim the lease, then per group locate, save *intended*, call, settle.

The journal says *intended* before the call and *there* after it. If a worker dies in between, the next worker
looks the placement up at the target; if the target cannot be looked at, it is parked for an officer.
"""

import time
import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from ca_bridge.database.state_machine import save_many
from identity_manager import queue, task_names
from identity_manager.models import Placement, PlacementState, Target
from identity_manager.models.lease import LeaseLost
from identity_manager.models.targets.placement import TO_BE_PUT
from identity_manager.targets import connectors
from identity_manager.targets.contract import Connector, Unavailable
from identity_manager.transactions import locking
from identity_manager.workflow.targets import calls, handover, planning, settlement
from identity_manager.workflow.targets.calls import CallOutcome, PlacementCall
from identity_manager.workflow.targets.lease import LeasedTarget, claim

GROUP = 50
SECONDS = 180  # of one task; the rest is done by another one
PATIENCE = 30  # seconds; for longer pauses the lease is released and the sweep starts the next task
READ = ("certificate__profile", "certificate__token__request__person__audit_salt", "target")


def serve(*, target_id: uuid.UUID) -> None:
    """Process due placements of a target for up to SECONDS; nothing if another worker holds the lease.

    If the target is down, all its placements wait; a sealed key that does not open waits by itself. After any
    other exception the rows stay due and the lease expires.
    """
    leased = claim(target_id)
    if leased is None:
        return
    connector = connectors.connector_of(leased.configuration)
    until = time.monotonic() + SECONDS
    try:
        while time.monotonic() < until and _serve_patiently(leased, connector):
            pass
        leased.settle()
    except Unavailable as error:
        leased.pause(error.words, retry_after=error.retry_after)
    except LeaseLost:
        return
    finally:
        connector.close()
    if Target.objects.with_work().due(timezone.now()).filter(pk=target_id).exists():
        queue.publish(task_names.SERVE_TARGET, target_id)


def _serve_patiently(leased: LeasedTarget, connector: Connector) -> bool:
    """As _serve_group; sleep through a short Retry-After while holding the lease. Raises Unavailable."""
    try:
        return _serve_group(leased, connector)
    except Unavailable as error:
        if error.retry_after is None or error.retry_after > PATIENCE:
            raise
        with transaction.atomic():
            leased.renew()
        time.sleep(error.retry_after)
        return True


def _serve_group(leased: LeasedTarget, connector: Connector) -> bool:
    """Process up to GROUP placements; False if none is due. Raises Unavailable, after the settlement."""
    works = _due(leased)
    if not works:
        return False
    down = calls.locate(connector, filter(_is_new, works), identity=leased.configuration.identity)
    if down is not None:
        raise down
    works = [work for work in works if work.outcome is not None or not _is_new(work)]  # located in time
    ready = _intend(leased, works)
    down = calls.call(connector, ready)
    settlement.settle(leased, [work for work in works if work.outcome is not CallOutcome.LOCATED])
    if down is not None:
        raise down
    return True


def _due(leased: LeasedTarget) -> list[PlacementCall]:
    """Read due placements. Those with keys are reviewed just before, because a key cannot be taken back."""
    rows = Placement.objects.due(timezone.now()).filter(target=leased.row).select_related(*READ)
    rows = rows.order_by("next_attempt_at", "pk")
    found = list(rows[:GROUP])
    keys = [row.pk for row in found if row.carries_key]
    if keys and planning.review(keys):
        found = list(rows.filter(pk__in=[row.pk for row in found]))
    before, opener = _predecessors(leased, found), handover.ParcelOpener()
    return [
        PlacementCall(
            row,
            was_intended=row.state == PlacementState.INTENDED,
            opener=opener,
            predecessor=before.get((row.certificate.token.predecessor_id, row.certificate.profile.code)),
        )
        for row in found
    ]


def _predecessors(
    leased: LeasedTarget, rows: Sequence[Placement]
) -> dict[tuple[uuid.UUID | None, str], Placement]:
    """Placements of the renewed tokens that are at the target, by token and profile code."""
    published = [row for row in rows if row.wanted and not row.carries_key]  # old keys stay at the target
    tokens = {row.certificate.token.predecessor_id for row in published} - {None}
    if not tokens:
        return {}
    there = Placement.objects.filter(target=leased.row, state=PlacementState.THERE)
    found = there.filter(certificate__token__in=tokens).select_related("certificate__profile")
    return {(row.certificate.token_id, row.certificate.profile.code): row for row in found}


def _is_new(work: PlacementCall) -> bool:
    """Whether the placement has to be located before it is put."""
    return work.row.wanted and work.row.state in TO_BE_PUT and not work.was_intended


def _intend(leased: LeasedTarget, works: Sequence[PlacementCall]) -> list[PlacementCall]:
    """Save located placements as *intended*; return the works that the connector is to be called for.

    A placement that was changed since it was read is left to the next group (optimistic locking by version).
    """
    with transaction.atomic():
        leased.renew()
        current = {row.pk: row for row in locking.placements(work.row.pk for work in works)}
        same = [work for work in works if current[work.row.pk].version == work.row.version]
        for work in works:
            if work not in same:
                work.outcome = CallOutcome.LOCATED  # LOCATED is not settled
        located = [work for work in same if work.outcome is CallOutcome.LOCATED]
        now = timezone.now()
        for work in located:
            work.row.intend(place=work.place, now=now, mark=work.mark)
        save_many([work.row for work in located])  # changed fields only: a key rotation may rewrap the parcel
    return [work for work in same if work.outcome in (None, CallOutcome.LOCATED)]
