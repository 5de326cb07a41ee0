"""Verbs on CSV imports of persons: upload, carry out, confirm by a second officer, reject."""

import hashlib
import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.directory import csv_file
from identity_manager.models import ImportState, Person, PersonImport
from identity_manager.models.people.vouching import Exclusion
from identity_manager.people import registration_policy
from identity_manager.people.imports import applying as importing
from identity_manager.people.imports.applying import ImportPlan, RowOutcome
from identity_manager.transactions import locking, retry_later, second_officer
from identity_manager.transactions.refusals import (
    NO_REASON,
    NotAllowed,
    NotPossible,
    Reason,
    Stale,
    refuse,
    require,
)
from identity_manager.workflow.people import leave_and_return

MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 20_000
KEPT = timedelta(days=7)

NOT_EVERYWHERE = Reason(
    "not-everywhere",
    _("An import reaches every organisational unit, so only a Registration Officer of all of them does it."),
)
TOO_LARGE = Reason("too-large", _("The file is larger than 5 MB. Split it."))
TOO_MANY_ROWS = Reason("too-many-rows", _("The file has more than 20,000 rows. Split it."))
EMPTY = Reason("empty", _("The file has no row below its first line."))
NOT_OPEN = Reason("import-not-open", _("This import has ended, or somebody else has decided on it."))
WITHDRAWABLE = (ImportState.UPLOADED, ImportState.WAITING)
OTHER_PLAN = Reason(
    "other-plan", _("Persons have changed since you opened the page. Look at what the import does now.")
)
NOT_UPLOADER = Reason(
    "not-uploader", _("Somebody else chose this file. Only they can import it, or ask a second officer.")
)
OWN_IMPORT = Reason("own-import", _("You asked for this import. Another Registration Officer decides on it."))
REASONS: second_officer.Reasons = {Exclusion.OFFICE: NOT_EVERYWHERE, Exclusion.ASKED: OWN_IMPORT}


def officer_obstacle(actor: Person) -> Reason | None:
    """Why this actor cannot import persons, or None."""
    return None if registration_policy.registers_everywhere(actor) else NOT_EVERYWHERE


def upload(*, actor: Person, file_name: str, content: bytes) -> PersonImport:
    """Store a readable file; import nothing yet. Raises NotAllowed, or NotPossible at `file`."""
    refuse(officer_obstacle(actor), kind=NotAllowed)
    refuse(TOO_LARGE if len(content) > MOST_BYTES else None, field="file")
    try:
        rows = csv_file.read(content)
    except csv_file.UnreadableFile as error:
        raise NotPossible(Reason("unreadable", str(error)), field="file") from error
    require(rows, else_=EMPTY, field="file")
    refuse(TOO_MANY_ROWS if len(rows) > MOST_ROWS else None, field="file")
    return PersonImport.objects.create(
        file_name=file_name[-200:],
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        asked_by=actor,
    )


def plan_of(row: PersonImport) -> ImportPlan | None:
    """Return the plan of the import as of now; None if it has ended and its file is deleted."""
    if row.content is None:
        return None
    return importing.plan(csv_file.read(bytes(row.content)), actor=row.asked_by)


def carry_out(*, actor: Person, import_id: uuid.UUID, digest: str, accept_partial: bool) -> PersonImport:
    """Apply the plan, by the officer who uploaded the file; if the breaker stops it, ask a second officer.

    Nobody else may, so that the uploader is never the second officer. digest: of the plan on the page.
    Raises NotAllowed, Stale, ImportStopped (rows refused).
    """
    with transaction.atomic():
        row = _fetch(actor, import_id, ImportState.UPLOADED)
        require(row.asked_by_id == actor.pk, else_=NOT_UPLOADER, kind=NotAllowed)
        planned = _seen(row, digest)
        if importing.guard(planned) is not None and not _refused(planned, accept_partial):
            row.wait(accept_partial=accept_partial)
            row.save()
            audit.record(
                audit.Event.IMPORT_ASKED, actor=actor, subject=None, **_facts(row), counts=_counts(planned)
            )
            return row
        return _finish(row, planned, actor=actor, second=None, accept_partial=accept_partial)


def carry_out_on_the_machine(
    planned: ImportPlan, *, file_name: str, content: bytes, accept_partial: bool
) -> ImportPlan:
    """Import a file by the operator of the machine; its identities are confirmed on the import's page.

    Raises ImportStopped (rows refused, or stopped by the breaker, which needs a second officer).
    """
    with transaction.atomic():
        row = PersonImport.objects.create(
            file_name=file_name[-200:], sha256=hashlib.sha256(content).hexdigest(), asked_by=None
        )
        done = importing.carry_out(
            planned,
            actor=None,
            change_state=leave_and_return.take_over_state,
            accept_partial=accept_partial,
            row=row,
        )
        _settle(row, done)
        return done


def confirm(*, actor: Person, import_id: uuid.UUID, digest: str) -> PersonImport:
    """Confirm and apply the plan, by a second officer. Raises NotAllowed, Stale, ImportStopped."""
    with transaction.atomic():
        row = _to_decide(actor, import_id)
        planned = _seen(row, digest)

        row.decided_by, row.decided_at = actor, timezone.now()
        return _finish(row, planned, actor=row.asked_by, second=actor, accept_partial=row.accept_partial)


def reject(*, actor: Person, import_id: uuid.UUID, reason: str) -> PersonImport:
    """Reject the import with a reason, by a second officer. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        row = _to_decide(actor, import_id)
        require(reason.strip(), else_=NO_REASON, field="reason")

        row.refuse(by=actor, reason=reason.strip(), now=timezone.now())
        row.save()
        audit.record(audit.Event.IMPORT_REFUSED, actor=actor, subject=None, **_facts(row))
        return row


def withdraw(*, actor: Person, import_id: uuid.UUID) -> PersonImport:
    """Withdraw an open import, by any officer who may import. Raises NotAllowed or Stale."""
    with transaction.atomic():
        row = _fetch(actor, import_id, *WITHDRAWABLE)

        row.withdraw(now=timezone.now())
        row.save()
        audit.record(audit.Event.IMPORT_WITHDRAWN, actor=actor, subject=None, **_facts(row))
        return row


def forget_old() -> int:
    """Job: withdraw imports that were open for KEPT, and delete their files; return how many."""
    old = PersonImport.objects.forgotten(timezone.now() - KEPT).values_list("pk", flat=True)
    return retry_later.for_each_isolated(old, _forget)


def _forget(import_id: uuid.UUID) -> int:
    with transaction.atomic():
        row = locking.person_import(import_id)
        if row.content is None:
            return 0
        row.withdraw(now=timezone.now())
        row.save()
        audit.record(audit.Event.IMPORT_WITHDRAWN, actor=None, subject=None, **_facts(row))
        return 1


def state_obstacle(row: PersonImport, *states: ImportState) -> Reason | None:
    """Why the import allows no decision, because it is in none of these states; or None."""
    return None if row.state in states else NOT_OPEN


def _to_decide(actor: Person, import_id: uuid.UUID) -> PersonImport:
    row = locking.person_import(import_id)
    second_officer.require(actor, row, reasons=REASONS, not_waiting=NOT_OPEN)
    return row


def _fetch(actor: Person, import_id: uuid.UUID, *states: ImportState) -> PersonImport:
    refuse(officer_obstacle(actor), kind=NotAllowed)
    row = locking.person_import(import_id)
    refuse(state_obstacle(row, *states), kind=Stale)
    return row


def _seen(row: PersonImport, digest: str) -> ImportPlan:
    planned = plan_of(row)
    if planned is None or planned.digest != digest:
        raise Stale(OTHER_PLAN)
    return planned


def _refused(planned: ImportPlan, accept_partial: bool) -> bool:  # noqa: FBT001 the officer's own word
    return bool(planned.count(RowOutcome.REFUSED)) and not accept_partial


def _finish(
    row: PersonImport,
    planned: ImportPlan,
    *,
    actor: Person | None,
    second: Person | None,
    accept_partial: bool,
) -> PersonImport:
    done = importing.carry_out(
        planned,
        actor=actor,
        change_state=leave_and_return.take_over_state,
        accept_partial=accept_partial,
        confirmed_by=second,
        row=row,
    )
    _settle(row, done)
    if second is not None:
        audit.record(audit.Event.IMPORT_CONFIRMED, actor=second, subject=None, **_facts(row))
    return row


def _settle(row: PersonImport, done: ImportPlan) -> None:
    row.finish(
        counts=_counts(done), leaving=done.leaving, emails_changed=done.emails_changed, now=timezone.now()
    )
    row.save()


def _counts(planned: ImportPlan) -> dict[str, int]:
    return {outcome.value: planned.count(outcome) for outcome in RowOutcome}


def _facts(row: PersonImport) -> dict[str, str]:
    return {"import": str(row.pk), "sha256": row.sha256}
