"""manage.py backup: consistent snapshot of database and embedded CAs in a new directory, without secrets."""

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from identity_manager.management.backup import creation, outcome, series
from identity_manager.management.backup.manifest import BackupError, Manifest

KEYS = (
    "The keys are not in it. Keep SECRETS_DIR ({secrets}), or whatever names your keys, in another place: "
    "whoever has both can open what waits in the backup, and without the keys nobody can."
)

NOTES = {"made": outcome.note_made, "failed": outcome.note_failed_somehow}
NOT_NOTED = "The database takes no writes: what became of the backup is noted nowhere."

LATER = (
    "{number} of the backups beside it are named after a later moment, from {first} on: the clock was ahead, "
    "or is behind. They count among those that are kept; remove what is of no use, by hand."
)


class Command(BaseCommand):
    help = "Makes a backup while the system runs, in a directory that must not exist or be empty."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path, nargs="?")
        parser.add_argument(
            "--note",
            choices=NOTES,
            help="make none: note what became of one that other tools made, or that ended without a word",
        )
        parser.add_argument(
            "--keep",
            type=int,
            metavar="N",
            help="make it below the directory, named after the moment, and keep the last N of those",
        )

    def handle(
        self, *_args: Any, directory: Path | None, keep: int | None, note: str | None, **_options: Any
    ) -> None:
        if (directory is None) == (note is None):
            raise CommandError("Name a directory, or what to note.")
        if note is not None:
            self._note(NOTES[note])
        if directory is not None:
            self._make(directory, keep)

    def _make(self, directory: Path, keep: int | None) -> None:
        try:
            directory, made = _made(directory, keep)
        except (BackupError, DatabaseError, OSError) as error:
            words = _words_of(error, directory)
            outcome.note_failed(words)
            raise CommandError(words) from error
        self._note(outcome.note_made)
        rows = sum(made.counts.values())
        authorities = f"{len(made.authorities)} CA{'' if len(made.authorities) == 1 else 's'}"
        self.stdout.write(f"Backup of {rows} rows and {authorities} in {directory}.")
        self.stdout.write(KEYS.format(secrets=settings.SECRETS_DIR))
        later = series.later_than(directory) if keep is not None else []
        if later:
            self.stderr.write(LATER.format(number=len(later), first=later[0]))

    def _note(self, write: Callable[[], bool]) -> None:
        if not write():
            self.stderr.write(NOT_NOTED)


def _words_of(error: Exception, directory: Path) -> str:
    if isinstance(error, DatabaseError):
        return f"The database cannot be used: {error}"
    if isinstance(error, OSError):
        return f"{error.filename or directory} cannot be used: {error.strerror}."
    return str(error)


def _made(directory: Path, keep: int | None) -> tuple[Path, Manifest]:
    if keep is None:
        return directory, creation.make(directory)
    return series.add(directory, keep=keep)
