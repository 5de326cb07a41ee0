"""What became of a backup, written into the database, where metrics, the doctor and START read it."""

from django.db import DatabaseError
from django.utils import timezone

from identity_manager.models import LastBackup

NO_RESULT = "It ended without a word; see the log of the unit or of the job."


def note_made() -> bool:
    """A good one is there now. False where the database takes no writes, as on a standby."""
    return _write(made_at=timezone.now(), failed_at=None, error="")


def note_failed(error: str) -> bool:
    """It failed, and why; the one before stays the last good one."""
    return _write(failed_at=timezone.now(), error=error)


def note_failed_somehow() -> bool:
    """It ended, and could perhaps not say why itself: what it has said stays."""
    last = LastBackup.read()
    return last.has_failed or note_failed(NO_RESULT)


def _write(**values: object) -> bool:
    try:
        LastBackup.objects.update_or_create(pk=1, defaults=values)
    except DatabaseError:
        return False
    return True
