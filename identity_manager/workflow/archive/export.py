"""Archive export: under two Recovery Officers, every archived key without the outer layer of the vault.

The envelopes stay sealed for the recovery keys. An export serves the end of this product: openssl and a
recovery key open it.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import ArchivedKey, ArchiveExport, Person
from identity_manager.models.people.vouching import Exclusion
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import NO_REASON, NotAllowed, Reason, Stale, require
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import recovery_certificate_policy

OWN_EXPORT = Reason("own-export", _("Another Recovery Officer confirms the export, not the one who asked."))
EXPORT_NOT_WAITING = Reason("export-not-waiting", _("This export does not wait any more."))
NO_EXPORT = Reason(
    "no-export",
    _("No export was confirmed within a day: a Recovery Officer asks for one, and another confirms it."),
)
REASONS = {Exclusion.OFFICE: recovery_certificate_policy.NOT_RECOVERY_OFFICER, Exclusion.ASKED: OWN_EXPORT}


@dataclass(frozen=True)
class ExportedKey:
    """An archived key's envelope without its outer layer, or the error that kept it from being opened."""

    row: ArchivedKey
    envelope: bytes
    error: str = ""


def ask(*, actor: Person, purpose: str) -> ArchiveExport:
    """Ask for an export, by a Recovery Officer. Raises NotAllowed or NotPossible."""
    with transaction.atomic():
        recovery_officer = recovery_certificate_policy.is_recovery_officer(actor)
        require(recovery_officer, else_=recovery_certificate_policy.NOT_RECOVERY_OFFICER, kind=NotAllowed)
        require(purpose.strip(), else_=NO_REASON, field="purpose")

        export = ArchiveExport.objects.create(asked_by=actor, purpose=purpose.strip())
        audit.record(audit.Event.ARCHIVE_EXPORT_ASKED, actor=actor, subject=None, reason=export.purpose)
        return export


def confirm(*, actor: Person, export_id: uuid.UUID) -> ArchiveExport:
    """Confirm an export, by a second officer; for one day `export_archive` may run on a worker's host.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        export = locking.archive_export(export_id)
        second_officer.require(actor, export, reasons=REASONS, not_waiting=EXPORT_NOT_WAITING)

        export.confirm(by=actor, now=timezone.now())
        export.save()
        audit.record(audit.Event.ARCHIVE_EXPORT_CONFIRMED, actor=actor, subject=None, reason=export.purpose)
        return export


def withdraw(*, actor: Person, export_id: uuid.UUID) -> ArchiveExport:
    """Withdraw an export, by a Recovery Officer. Raises NotAllowed or Stale."""
    with transaction.atomic():
        export = locking.archive_export(export_id)
        recovery_officer = recovery_certificate_policy.is_recovery_officer(actor)
        require(recovery_officer, else_=recovery_certificate_policy.NOT_RECOVERY_OFFICER, kind=NotAllowed)
        require(export.waits(), else_=EXPORT_NOT_WAITING, kind=Stale)

        export.withdraw(by=actor, reason="", now=timezone.now())
        export.save()
        audit.record(audit.Event.ARCHIVE_EXPORT_WITHDRAWN, actor=actor, subject=None, reason=export.purpose)
        return export


def begin() -> ArchiveExport:
    """Mark the confirmed export as carried out, and return it. Raises Stale if none is confirmed."""
    with transaction.atomic():
        now = timezone.now()
        found = ArchiveExport.objects.usable(now).first()
        export = locking.archive_export(found.pk) if found else None
        require(export and export.is_usable(now), else_=NO_EXPORT, kind=Stale)
        assert export is not None  # noqa: S101 required above, said for mypy

        export.done_at = now
        export.save()
        rows = ArchivedKey.objects.count()
        audit.record(audit.Event.ARCHIVE_EXPORTED, actor=None, subject=None, rows=rows)
        return export


def exported() -> Iterator[ExportedKey]:
    """Yield each archived key with its owner and certificate; a row that does not open yields its error."""
    rows = ArchivedKey.objects.select_related("owner", "certificate").order_by("pk")
    for row in rows.iterator(chunk_size=200):
        try:
            envelope = vault.unwrap(
                row.envelope_wrapped, purpose=vault.Purpose.ARCHIVE, record=row.pk, owner=row.owner_id
            )
        except vault.VaultError as error:
            yield ExportedKey(row, b"", str(error))
        else:
            yield ExportedKey(row, envelope)
