"""manage.py backup: the database at one moment and the embedded CAs, into a new directory. Never a key."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from identity_manager.management.backup import making, series
from identity_manager.management.backup.manifest import BackupError, Manifest

KEYS = (
    "The keys are not in it. Keep SECRETS_DIR ({secrets}), or whatever names your keys, in another place: "
    "whoever has both can open what waits in the backup, and without the keys nobody can."
)

LATER = (
    "{number} of the backups beside it are named after a later moment, from {first} on: the clock was ahead, "
    "or is behind. They count among those that are kept; remove what is of no use, by hand."
)


class Command(BaseCommand):
    help = "Makes a backup while the system runs, in a directory that must not exist or be empty."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path)
        parser.add_argument(
            "--keep",
            type=int,
            metavar="N",
            help="make it below the directory, named after the moment, and keep the last N of those",
        )

    def handle(self, *_args: Any, directory: Path, keep: int | None, **_options: Any) -> None:
        try:
            directory, made = _made(directory, keep)
        except BackupError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        except OSError as error:
            raise CommandError(f"{error.filename or directory} cannot be used: {error.strerror}.") from error
        rows = sum(made.counts.values())
        self.stdout.write(f"Backup of {rows} rows and {len(made.authorities)} CAs in {directory}.")
        self.stdout.write(KEYS.format(secrets=settings.SECRETS_DIR))
        later = series.later_than(directory) if keep is not None else []
        if later:
            self.stderr.write(LATER.format(number=len(later), first=later[0]))


def _made(directory: Path, keep: int | None) -> tuple[Path, Manifest]:
    if keep is None:
        return directory, making.make(directory)
    return series.add(directory, keep=keep)
