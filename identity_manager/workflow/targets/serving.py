"""Serve a target: claim, locate, write *intended*, call, settle. By groups, each in few transactions.

The journal says *intended* before the call and *there* after it. A worker that dies between leaves *intended*
behind: whoever comes next looks, and what cannot be looked at is parked for an officer.
"""

import time
import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from ca_bridge.database.state_machine import save_many
from identity_manager import queue, task_names
from identity_manager.models import Placement, PlacementState, Target
from identity_manager.models.targets.placement import TO_BE_PUT
from identity_manager.targets import connectors
from identity_manager.targets.contract import Connector, Unavailable
from identity_manager.transactions import locking
from identity_manager.workflow.targets import calls, planning, settlement
from identity_manager.workflow.targets.calls import Outcome, PlacementCall
from identity_manager.workflow.targets.lease import LeasedTarget, LeaseLost, claim

GROUP = 50
SECONDS = 180  # a run goes on in another one
PATIENCE = 30  # seconds that a worker waits itself; the sweep would come a minute later
READ = ("certificate__profile", "certificate__token__request__person__audit_salt", "target")


def serve(*, target_id: uuid.UUID) -> None:
    """Do what is due at a target, for a while. Does nothing where nothing is due, or another worker has it.

    A target that is down waits as a whole; what else is raised leaves the rows due, and the lease runs out.
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
    """As `_serve_group`; a short pause that the target wants is made under the lease. Raises Unavailable."""
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
    """Serve up to GROUP placements; False where none is due. Raises Unavailable once all is settled."""
    works = _due(leased)
    if not works:
        return False
    down = calls.locate(connector, filter(_is_new, works), identity=leased.configuration.identity)
    if down is not None:
        raise down
    ready = _intend(leased, works)
    down = calls.call(connector, ready)
    settlement.settle(leased, [work for work in works if work.outcome is not Outcome.LOCATED])
    if down is not None:
        raise down
    return True


def _due(leased: LeasedTarget) -> list[PlacementCall]:
    """What is due, read after a last look at whether the keys among it may leave: none is taken back."""
    rows = Placement.objects.due(timezone.now()).filter(target=leased.row).select_related(*READ)
    rows = rows.order_by("next_attempt_at", "pk")
    found = list(rows[:GROUP])
    keys = [row.pk for row in found if row.carries_key]
    if keys and planning.review(keys):
        found = list(rows.filter(pk__in=[row.pk for row in found]))
    before = _predecessors(leased, found)
    return [
        PlacementCall(
            row,
            was_intended=row.state == PlacementState.INTENDED,
            predecessor=before.get((row.certificate.token.predecessor_id, row.certificate.profile.code)),
        )
        for row in found
    ]


def _predecessors(
    leased: LeasedTarget, rows: Sequence[Placement]
) -> dict[tuple[uuid.UUID | None, str], Placement]:
    """What is there of the tokens that these renew, by token and profile."""
    published = [row for row in rows if row.wanted and not row.carries_key]  # old keys stay where they are
    tokens = {row.certificate.token.predecessor_id for row in published} - {None}
    if not tokens:
        return {}
    there = Placement.objects.filter(target=leased.row, state=PlacementState.THERE)
    found = there.filter(certificate__token__in=tokens).select_related("certificate__profile")
    return {(row.certificate.token_id, row.certificate.profile.code): row for row in found}


def _is_new(work: PlacementCall) -> bool:
    """Whether it is to be put and has no place yet, or one from long ago."""
    return work.row.wanted and work.row.state in TO_BE_PUT and not work.was_intended


def _intend(leased: LeasedTarget, works: Sequence[PlacementCall]) -> list[PlacementCall]:
    """Write *intended* where something may be put; return what is to be called.

    What somebody has changed since it was read is left for the next group.
    """
    with transaction.atomic():
        leased.renew()
        current = {row.pk: row for row in locking.placements(work.row.pk for work in works)}
        same = [work for work in works if current[work.row.pk].version == work.row.version]
        for work in works:
            if work not in same:
                work.outcome = Outcome.LOCATED  # nothing is settled of it
        located = [work for work in same if work.outcome is Outcome.LOCATED]
        now = timezone.now()
        for work in located:
            work.row.intend(place=work.place, now=now, mark=work.mark)
        save_many([work.row for work in located])  # what has changed: a parcel may be rewrapped meanwhile
    return [work for work in same if work.outcome in (None, Outcome.LOCATED)]
