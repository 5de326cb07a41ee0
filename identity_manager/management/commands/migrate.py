"""`manage.py migrate`: Django's own, which tries again when old processes hold the locks that it wants.

Old processes go on while the schema changes. A migration of several tables can wait for one that a verb of
theirs has locked, while that verb waits for another that the migration has: PostgreSQL ends one of the two.
Nothing of the ended migration stays, and those before it are recorded, so the next try begins with it. In a
migration with `atomic = False` each operation can be repeated (tests/architecture/test_migrations.py).
"""

import time
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError

from ca_bridge.database.lock_conflicts import is_lock_conflict

TRIES, PAUSE_SECONDS = 10, 3.0  # pages go on between them


class Command(migrate.Command):
    """Raises OperationalError when the last try fails, too."""

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
