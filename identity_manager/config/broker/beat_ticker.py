"""The beat keeps nothing on disk: it only ticks, and a disk that is full does not stop it.

Celery's own scheduler writes when it did what, and ends where it cannot. What it would remember is worth
nothing here: the ticks come each few seconds, and when a job is due stands in the database.
"""

from pathlib import Path

from celery.beat import Scheduler
from django.conf import settings

from identity_manager.config.observability import liveness_file


class Ticker(Scheduler):
    """Celery's schedule in memory. Where another one would write, it leaves a sign of life, if it can."""

    sync_every = 60  # seconds

    def sync(self) -> None:
        liveness_file.touch(Path(settings.VAR_DIR))
