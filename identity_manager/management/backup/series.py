"""A series of backups in one folder, each named after its moment; of more than are wanted, the oldest go."""

import re
import shutil
from pathlib import Path

from django.utils import timezone

from identity_manager.management.backup import making, manifest, turn
from identity_manager.management.backup.manifest import BackupError, Manifest

NAME = "%Y-%m-%dT%H%M%SZ"  # UTC: no hour comes twice, and names are in the order of time
NAMES = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
PARTS = re.compile(rf"\.{NAMES.pattern}\.partial")


def add(folder: Path, *, keep: int) -> tuple[Path, Manifest]:
    """Make the next backup in the folder, then remove the oldest, so that `keep` of them are left.

    What an earlier one that was cut off has left is removed before; of the others, nothing before the new one
    is whole, and nothing ever that is no backup of the series. The new one stays, also where others are named
    after a later moment. Raises as making.make does, BackupError also while another one is being made.
    """
    if keep < 1:
        raise BackupError("Of a series, keep one backup at least.")
    making.refuse_place((folder / NAME).resolve())
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    with turn.of(folder):
        return _added(folder, keep=keep)


def _added(folder: Path, *, keep: int) -> tuple[Path, Manifest]:
    for part in _named(folder, PARTS):
        shutil.rmtree(part)
    directory = folder / f"{timezone.now():{NAME}}"
    made = making.make(directory)
    others = [path for path in _whole(folder) if path != directory]
    for oldest in others[: max(0, len(others) + 1 - keep)]:
        # Renamed before: if this is cut off, the next one removes the rest.
        shutil.rmtree(oldest.rename(making.draft_of(oldest)))
    return directory, made


def later_than(backup: Path) -> list[Path]:
    """Backups beside one of a series whose names say that they came after it, the oldest first."""
    return [path for path in _whole(backup.parent) if path.name > backup.name]


def _whole(folder: Path) -> list[Path]:
    """The backups of the series, the oldest first."""
    return [path for path in _named(folder, NAMES) if (path / manifest.FILE_NAME).is_file()]


def _named(folder: Path, names: re.Pattern[str]) -> list[Path]:
    """The directories that are named so, the oldest first."""
    there = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in there if names.fullmatch(path.name) and path.is_dir())
