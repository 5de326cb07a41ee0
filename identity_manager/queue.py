"""The only place that enqueues. A message carries a task's name and a row's id, nothing else."""

import logging
import uuid

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def after_commit(task: str, row_id: uuid.UUID) -> None:
    """Publish the task once the caller's transaction is committed.

    Never raises for a broker that is down: the row is due in the database, and the sweep does the rest.
    """
    transaction.on_commit(lambda: publish(task, row_id))


def publish(task: str, row_id: uuid.UUID) -> None:
    """Publish now. The task is looked up in the registry, because send_task ignores eager mode."""
    try:
        current_app.tasks[task].apply_async(args=(str(row_id),))
    except (OperationalError, OSError) as error:
        logger.warning("The broker is not reachable; the sweep takes over %s %s: %s", task, row_id, error)
