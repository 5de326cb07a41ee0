"""In-memory scheduler of Celery's beat: no state on disk, so that a full disk does not stop it.

Celery's PersistentScheduler stores last run times in a file, and ends if it cannot. They are not needed here:
the beat publishes a tick every few seconds, and due times of jobs are in the database.
"""

from pathlib import Path

from celery.beat import Scheduler
from django.conf import settings

from identity_manager.config.observability import liveness_file


class Ticker(Scheduler):
    """Scheduler in memory, whose sync() touches the liveness file instead of storing state."""

    sync_every = 60  # seconds

    def adjust(self, n: float, drift: float = 0.0) -> float:
        """Seconds until an entry is due. Celery takes 10 ms off, and looks without a pause until it is."""
        return n + drift

    def sync(self) -> None:
        liveness_file.touch(Path(settings.VAR_DIR))
