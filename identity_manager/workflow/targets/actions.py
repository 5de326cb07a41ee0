"""Officers' verbs on a target: test its connection, repeat placements, settle parked placements."""

import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue, task_names
from identity_manager.models import AuditEvent, Person, Placement
from identity_manager.targets import connectors
from identity_manager.targets.contract import TargetError
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason, Stale, refuse, require
from identity_manager.workflow.targets import sole_delivery
from identity_manager.workflow.targets.uses import require_administrator, row_of

AT_ONCE = 1000
NOT_TO_BE_REPEATED = Reason(
    "placement-not-to-be-repeated", _("This certificate does not have to be put there again.")
)
NOT_PARKED = Reason("placement-not-parked", _("Nobody has to decide on this certificate any more."))
ONLY_COPY = Reason(
    "placement-only-copy",
    _(
        "There is no other copy of this key, so nobody's word erases it here. Have it put there again: it is"
        " the same key, and what the target answers counts."
    ),
)
NOTHING_TO_REPEAT = Reason("nothing-to-repeat", _("Nothing has to be put there again."))


def test(*, actor: Person, target: str) -> str:
    """Test the connection; return the result in words. A target that answers is due now, with no attempts.

    Raises NotAllowed or NotPossible.
    """
    with transaction.atomic():
        require_administrator(actor)
        row = row_of(target)
    words, works = _check(target)
    now = timezone.now()
    with transaction.atomic():
        row = locking.target(row.pk)
        row.tested_at, row.test_result = now, words
        if works and row.claim_id is None:
            row.next_attempt_at, row.attempts, row.last_error = now, 0, ""
        row.save()
        audit.record(audit.Event.TARGET_TESTED, actor=actor, subject=None, target=target, answers=works)
        queue.after_commit(task_names.SERVE_TARGET, row.pk)
    return words


def _check(target: str) -> tuple[str, bool]:
    configuration = connectors.configuration_of(target)
    if configuration is None:
        return "", False
    connector = connectors.connector_of(configuration)
    try:
        return connector.check(), True
    except TargetError as error:
        return error.words, False
    finally:
        connector.close()


def repeat(*, actor: Person, placement_id: uuid.UUID) -> Placement:
    """**Publish again** a placement that vanished or was refused. Raises NotAllowed or Stale."""
    with transaction.atomic():
        require_administrator(actor)
        row = _locked(placement_id)
        require(row.may_be_repeated, else_=NOT_TO_BE_REPEATED, kind=Stale)

        _repeat([row], actor)
        return row


def repeat_all(*, actor: Person, target: str, state: str) -> int:
    """As repeat, for up to AT_ONCE placements in this state; return how many.

    Raises NotAllowed, NotPossible or Stale.
    """
    with transaction.atomic():
        require_administrator(actor)
        row = row_of(target)
        found = Placement.objects.filter(target=row, state=state, wanted=True)
        locked = locking.placements(found.values_list("pk", flat=True)[:AT_ONCE])
        rows = [each for each in locked if each.may_be_repeated]
        require(rows, else_=NOTHING_TO_REPEAT, kind=Stale)

        _repeat(rows, actor)
        return len(rows)


def _repeat(rows: list[Placement], actor: Person) -> None:
    now = timezone.now()
    for row in rows:
        row.repeat(now=now)
        row.save()
    audit.append([_event(audit.Event.PLACEMENT_REPEATED, row, actor) for row in rows])
    for target_id in {row.target_id for row in rows}:
        queue.after_commit(task_names.SERVE_TARGET, target_id)


def settle_parked(*, actor: Person, placement_id: uuid.UUID, is_there: bool) -> Placement:
    """Settle a parked placement after an officer looked at the target. is_there: what the officer saw.

    is_there is refused for the only copy of a key, because it would erase the key. Raises NotAllowed,
    NotPossible or Stale.
    """
    now = timezone.now()
    with transaction.atomic():
        require_administrator(actor)
        tokens = sole_delivery.lock_parents([placement_id])
        row = _locked(placement_id)
        require(row.is_in_doubt, else_=NOT_PARKED, kind=Stale)
        refuse(ONLY_COPY if is_there and row.is_only_copy else None)

        if is_there:
            row.mark_published(now=now)
            event = _event(
                audit.Event.KEY_HANDED_OVER if row.carries_key else audit.Event.PLACEMENT_ADDED, row, actor
            )
        else:
            row.take_back(now=now)
            event = _event(audit.Event.PLACEMENT_GIVEN_UP, row, actor)
        row.make_due(now)
        row.save()
        audit.append([event])
        sole_delivery.arrive(tokens)
        queue.after_commit(task_names.SERVE_TARGET, row.target_id)
        return row


def _locked(placement_id: uuid.UUID) -> Placement:
    rows = locking.placements([placement_id])
    if not rows:
        raise Placement.DoesNotExist
    return rows[0]


def _event(event: audit.Event, row: Placement, actor: Person) -> AuditEvent:
    certificate = row.certificate
    facts = {"target": row.target.name, "certificate": str(certificate.pk), "serial": certificate.serial}
    return audit.event_about(event, actor=actor, subject=certificate.token, **facts)
