"""manage.py mark_restored: the database was put back by other tools, or has lost its last moments."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils.dateparse import parse_datetime

from identity_manager.management.backup import restoring
from identity_manager.management.backup.manifest import BackupError


class Command(BaseCommand):
    help = (
        "Notes that the database was put back to an earlier moment by other tools, or has lost its last "
        "moments in a failover, so that CAs are searched before anything is asked again. `restore` does it "
        "by itself. Stop everything else first. Safe to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "moment", metavar="TIME", help="to which moment, with its offset: 2026-11-24T02:00:00+00:00"
        )

    def handle(self, *_args: Any, moment: str, **_options: Any) -> None:
        try:
            doubted = restoring.mark(_moment(moment))
        except BackupError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        if doubted is None:
            self.stdout.write(f"It was noted before that the database was put back to {moment}.")
            return
        self.stdout.write(f"Noted: the database was put back to {moment}.")
        self.stdout.write(f"{doubted} open orders are looked up at their CAs before anything is asked again.")
        self.stdout.write(
            "Each CA is compared with the database, once workers run: START and doctor say how far."
        )


def _moment(words: str) -> datetime:
    """As an operator writes it. Raises CommandError."""
    try:
        moment = parse_datetime(words)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CommandError(f"{words} is no moment with an offset, such as 2026-11-24T02:00:00+00:00.")
    return moment
