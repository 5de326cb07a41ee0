"""Creation of a backup while the system runs."""

import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from django.conf import settings
from django.db import connection
from django.utils import timezone

from identity_manager.management.backup import (
    authorities,
    directory_lock,
    manifest,
    postgresql,
    sqlite,
    tables,
)
from identity_manager.management.backup.manifest import BackupError, Manifest
from identity_manager.models import AuditChain

ENGINES: dict[str, ModuleType] = {"sqlite": sqlite, "postgresql": postgresql}


def make(directory: Path) -> Manifest:
    """Create a backup in the directory, which must be missing or empty; atomic.

    Raises BackupError, DatabaseError and OSError.
    """
    directory = directory.resolve()
    refuse_place(directory)
    draft = draft_of(directory)
    draft.mkdir(parents=True, mode=0o700, exist_ok=True)
    with directory_lock.locked_directory(draft), ExitStack() as undo:
        undo.callback(shutil.rmtree, draft, ignore_errors=True)
        refuse_place(directory)  # another process may have created a backup there meanwhile
        _empty(draft)
        made = _fill(draft)
        if directory.exists():
            directory.rmdir()
        draft.rename(directory)
        undo.pop_all()  # a draft that is there now is another's
    return made


def _empty(draft: Path) -> None:
    """Remove the rest of an interrupted backup; the directory itself is locked."""
    for path in draft.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def draft_of(directory: Path) -> Path:
    """Temporary directory of an unfinished backup."""
    return directory.with_name(f".{directory.name}.partial")


def refuse_place(directory: Path) -> None:
    """Raises BackupError for a place where no backup may be."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise BackupError(f"{directory} is not empty; name a new directory for each backup.")
    secrets = Path(settings.SECRETS_DIR).resolve()
    if directory == secrets or secrets in directory.parents:
        raise BackupError(f"A backup and its keys must lie apart; {directory} is in {secrets}.")


def _fill(draft: Path) -> Manifest:
    engine = ENGINES[connection.vendor]
    # The end of the audit log is read before the copy, which then has that end or a later one.
    end = AuditChain.objects.first() or AuditChain()
    made = Manifest(
        made_at=timezone.now().isoformat(timespec="seconds"),
        engine=connection.vendor,
        engine_version=engine.version(),
        migrations=tables.migrations(),
        counts=engine.dump(draft),
        audit_number=end.number,
        audit_chain=end.chain,
        authorities=authorities.dump(draft),
    )
    _make_private(draft)
    made = replace(made, files=manifest.hashes(draft))
    made.write(draft)
    (draft / manifest.FILE_NAME).chmod(0o600)
    return made


def _make_private(directory: Path) -> None:
    for path in directory.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
