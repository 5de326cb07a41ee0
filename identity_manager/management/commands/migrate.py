"""`manage.py migrate`: Django's command, which retries after lock time-outs and deadlocks with old processes.

Old processes run on during a rolling upgrade. A migration of several tables can deadlock with one of their
transactions: PostgreSQL cancels one of the two. A cancelled migration is rolled back, and those before it are
recorded, so the next try begins with it. In a migration with `atomic = False` each operation is repeatable
(tests/architecture/test_migrations.py).
"""

import time
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError

from ca_bridge.database.lock_conflicts import is_lock_conflict

TRIES, PAUSE_SECONDS = 10, 3.0  # pages are served during the pauses


class Command(migrate.Command):
    """Raises OperationalError if the last try fails, too."""

    def handle(self, *args: Any, **options: Any) -> None:
        for tried in range(1, TRIES + 1):
            try:
                super().handle(*args, **options)
                return
            except OperationalError as error:
                if tried == TRIES or not is_lock_conflict(error):
                    raise
                reason = str(error).partition("\n")[0].strip()
                self.stderr.write(f"{reason}; tried again in {PAUSE_SECONDS:g} seconds.")
                time.sleep(PAUSE_SECONDS)
