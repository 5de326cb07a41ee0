"""Verification runs of the audit log: requested on a page, run by the worker, one at a time."""

import uuid

from django.db import transaction
from django.utils import timezone

from identity_manager import audit, queue
from identity_manager.audit import keys, verification
from identity_manager.models import AuditCheck, Person
from identity_manager.task_names import VERIFY_AUDIT_LOG

MOST_TRIES = 3
INTERRUPTED = "Interrupted"  # the worker died without an exception


def ask(*, actor: Person | None) -> AuditCheck:
    """Request a verification run; returns the open one where there is one."""
    with transaction.atomic():
        check, created = AuditCheck.objects.get_or_create(is_open=True, defaults={"asked_by": actor})
        if created:
            check.work_is_due(timezone.now())
            check.save()
            queue.after_commit(VERIFY_AUDIT_LOG, check.pk)
        return check


def carry_out(*, check_id: uuid.UUID) -> None:
    """Verify the log and store the report. Does nothing where the run is not due.

    Without the audit keys the run waits for a worker that has them. Any exception, time-outs included, is
    stored on the run, which is retried up to MOST_TRIES times and then given up. A try that died with its
    worker counts.
    """
    with transaction.atomic():
        claim_id = AuditCheck.objects.claim(check_id, now=timezone.now())
    if claim_id is None:
        return
    if AuditCheck.objects.get(pk=check_id).attempts > MOST_TRIES:
        _put_off(check_id, claim_id, INTERRUPTED)
        return
    try:
        report = verification.verify()
    except keys.NoKey as error:
        _settle_later(check_id, claim_id, str(error))
    except Exception as error:
        _put_off(check_id, claim_id, type(error).__name__)
        raise
    else:
        _settle(check_id, report)


def _settle(check_id: uuid.UUID, report: verification.VerificationReport) -> None:
    """Store the report, also after the lease has expired: the verification is valid all the same."""
    with transaction.atomic():
        if not AuditCheck.objects.filter(pk=check_id, is_open=True).update(is_open=False):
            return
        check = AuditCheck.objects.get(pk=check_id)
        for name in ("first", "last", "events", "heads", "waiting"):
            setattr(check, name, getattr(report, name))
        check.findings = [finding.as_json() for finding in report.findings]
        check.finished_at = timezone.now()
        check.settle_lease()
        check.save()
        audit.record(
            audit.Event.LOG_CHECKED,
            actor=check.asked_by,
            subject=None,
            first=check.first,
            last=check.last,
            counts={"events": check.events, "findings": len(check.findings)},
        )


def _settle_later(check_id: uuid.UUID, claim_id: uuid.UUID, error: str) -> None:
    with transaction.atomic():
        check = _let_go(check_id, claim_id)
        if check is not None:
            check.settle_later(error, now=timezone.now())
            check.attempts = 0
            check.save()


def _put_off(check_id: uuid.UUID, claim_id: uuid.UUID, error: str) -> None:
    with transaction.atomic():
        check = _let_go(check_id, claim_id)
        if check is None:
            return
        if check.attempts < MOST_TRIES:
            check.settle_later(error, now=timezone.now())
        else:
            check.give_up(error, now=timezone.now())
        check.save()


def _let_go(check_id: uuid.UUID, claim_id: uuid.UUID) -> AuditCheck | None:
    """The open run of this claim, locked; no other worker writes it from now on."""
    ours = AuditCheck.objects.filter(pk=check_id, claim_id=claim_id, is_open=True)
    return ours.get() if ours.update(leased_until=None) else None
