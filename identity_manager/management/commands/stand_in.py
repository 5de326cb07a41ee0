"""manage.py stand_in: does the workers' work while the broker cannot be reached."""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from identity_manager.jobs import standby

SECONDS = 5

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Does what is due, straight from the database, while the broker cannot be reached; idle otherwise."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once",
            action="store_true",
            help="do what is due now, with a broker too, and end",
        )

    def handle(self, *_args: Any, once: bool, **_options: Any) -> None:
        if once:
            done = standby.work_once()
            self.stdout.write(f"{done} done.")
            return
        while True:
            if not _stood_in():
                time.sleep(SECONDS)


def _stood_in() -> int:
    """Run once; errors of a restarting database are tolerated, so that the command keeps running."""
    try:
        return standby.stand_in()
    except DatabaseError as error:
        logger.warning("The database cannot be used; it is asked again in %s seconds: %s", SECONDS, error)
        return 0
