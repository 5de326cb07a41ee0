"""Verbs on checks of the whole log: asked for on a page, done by the worker, one at a time."""

import uuid

from django.db import transaction
from django.utils import timezone

from identity_manager import audit, queue
from identity_manager.audit import keys, verifying
from identity_manager.models import AuditCheck, Person

CHECK = "audit.check"


def ask(*, actor: Person | None) -> AuditCheck:
    """Have the log checked. Returns the check that is under way already, where there is one."""
    with transaction.atomic():
        check, created = AuditCheck.objects.get_or_create(is_open=True, defaults={"asked_by": actor})
        if created:
            check.work_is_due(timezone.now())
            check.save()
            queue.after_commit(CHECK, check.pk)
        return check


def carry_out(*, check_id: uuid.UUID) -> None:
    """Check, and keep what was found. Does nothing where it is not due."""
    with transaction.atomic():
        claim_id = AuditCheck.objects.claim(check_id, now=timezone.now())
    if claim_id is None:
        return
    try:
        report = verifying.verify()
    except keys.NoKey as error:
        _settle_later(check_id, claim_id, str(error))
    else:
        _settle(check_id, claim_id, report)


def _settle(check_id: uuid.UUID, claim_id: uuid.UUID, report: verifying.Report) -> None:
    with transaction.atomic():
        check = AuditCheck.objects.get(pk=check_id)
        if check.claim_id != claim_id:
            return
        for name in ("first", "last", "events", "heads", "waiting"):
            setattr(check, name, getattr(report, name))
        check.findings = [finding.as_json() for finding in report.findings]
        check.finished_at, check.is_open = timezone.now(), False
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
        check = AuditCheck.objects.get(pk=check_id)
        if check.claim_id == claim_id:
            check.settle_later(error, now=timezone.now())
            check.save()
