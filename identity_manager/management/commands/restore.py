"""manage.py restore: a backup into an empty database, or into one that is named to be replaced."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from identity_manager.management.backup import restoring
from identity_manager.management.backup.manifest import BackupError


class Command(BaseCommand):
    help = (
        "Restores a backup, all of it or nothing, after checking its files, rows, version and audit log, and "
        "that the keys here open what it keeps. Stop everything else first."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path)
        parser.add_argument("--replace", metavar="NAME", default="", help="a database that is not empty")
        parser.add_argument(
            "--accept-unopened",
            action="store_true",
            help="although the keys of some kept secrets are gone; the refusal says what is lost with them",
        )

    def handle(self, *_args: Any, directory: Path, **options: Any) -> None:
        try:
            backup = restoring.restore(
                directory, replace=options["replace"], accept_unopened=options["accept_unopened"]
            )
        except BackupError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        except OSError as error:
            raise CommandError(f"{error.filename or directory} cannot be used: {error.strerror}.") from error
        self.stdout.write(f"Restored: the state of {backup.made_at}. Everybody signs in anew.")
        self.stdout.write("What was under way is looked up at the CA before anything is asked again.")
        self.stdout.write(
            "Each CA is compared with the database, once workers run: START and doctor say how far."
        )
