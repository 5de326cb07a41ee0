"""Outcome of the last backup, stored for metrics, doctor and START."""

from django.db import DatabaseError
from django.utils import timezone

from identity_manager.models import LastBackup

NO_RESULT = "It ended without a word; see the log of the unit or of the job."


def note_made() -> bool:
    """Store success. False where the database is read-only, as on a standby."""
    return _write(made_at=timezone.now(), failed_at=None, error="")


def note_failed(error: str) -> bool:
    """Store the error; the last good backup stays known."""
    return _write(failed_at=timezone.now(), error=error)


def note_failed_somehow() -> bool:
    """Store a failure unless the command has stored its error itself."""
    last = LastBackup.read()
    return last.has_failed or note_failed(NO_RESULT)


def _write(**values: object) -> bool:
    try:
        LastBackup.objects.update_or_create(pk=1, defaults=values)
    except DatabaseError:
        return False
    return True
