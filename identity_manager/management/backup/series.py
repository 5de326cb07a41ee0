"""Series of backups in a folder, named by time; the oldest are removed."""

import re
import shutil
from pathlib import Path

from django.utils import timezone

from identity_manager.management.backup import creation, directory_lock, manifest
from identity_manager.management.backup.manifest import BackupError, Manifest

NAME = "%Y-%m-%dT%H%M%SZ"  # UTC: no hour comes twice, and names are in the order of time
NAMES = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
PARTS = re.compile(rf"\.{NAMES.pattern}\.partial")


def add(folder: Path, *, keep: int) -> tuple[Path, Manifest]:
    """Add the next backup, then remove the oldest so that `keep` remain.

    Remains of an interrupted backup are removed before; nothing else before the new one is complete, and
    never anything that is no backup of the series. The new one stays, even if others have later names.
    Raises as creation.make, and BackupError while another backup runs.
    """
    if keep < 1:
        raise BackupError("Of a series, keep one backup at least.")
    creation.refuse_place((folder / NAME).resolve())
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    with directory_lock.locked_directory(folder):
        return _added(folder, keep=keep)


def _added(folder: Path, *, keep: int) -> tuple[Path, Manifest]:
    for part in _named(folder, PARTS):
        shutil.rmtree(part)
    directory = folder / f"{timezone.now():{NAME}}"
    made = creation.make(directory)
    others = [path for path in _whole(folder) if path != directory]
    for oldest in others[: max(0, len(others) + 1 - keep)]:
        # Renamed before it is deleted: if interrupted, the next run deletes the rest.
        shutil.rmtree(oldest.rename(creation.draft_of(oldest)))
    return directory, made


def later_than(backup: Path) -> list[Path]:
    """Backups whose names are later than that of a given one, oldest first."""
    return [path for path in _whole(backup.parent) if path.name > backup.name]


def _whole(folder: Path) -> list[Path]:
    """Complete backups of the series, oldest first."""
    return [path for path in _named(folder, NAMES) if (path / manifest.FILE_NAME).is_file()]


def _named(folder: Path, names: re.Pattern[str]) -> list[Path]:
    """Directories with names of the series, oldest first."""
    there = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in there if names.fullmatch(path.name) and path.is_dir())
