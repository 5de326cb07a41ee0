"""Work without a broker: what is due is done straight from the database, as a worker would do it.

Messages only wake workers; what there is to do stands in the database. While the broker cannot be reached
nobody is woken, so a process that needs none stands in: `manage.py stand_in`. Claims keep it and workers from
doing anything twice.
"""

import logging
from typing import Any

from celery import current_app
from django.db import close_old_connections
from django.utils import timezone

from identity_manager import queue
from identity_manager.audit import sealing
from identity_manager.jobs import runner as jobs
from identity_manager.jobs import sweep
from identity_manager.models.lease import LeasedQuerySet

AT_ONCE = 50

logger = logging.getLogger(__name__)


def stand_in() -> int:
    """Do what is due, where the broker cannot be reached; returns how much it was."""
    away = queue.length(queue.name_of(jobs.RUN)) is None
    return work_once() if away else 0


def work_once() -> int:
    """Run the jobs that are due, then do the oldest due rows of each kind; returns how many rows it was."""
    close_old_connections()
    sealing.seal()
    for row in jobs.due():
        jobs.run(run_id=row.pk)
    return sum(_do(task, rows()) for task, rows in sweep.WORK.items())


def _do(task: str, rows: LeasedQuerySet[Any]) -> int:
    """A row whose work fails in a way that nobody foresaw is due again later, or when its lease ends."""
    due = list(rows.due(timezone.now()).order_by("next_attempt_at").values_list("pk", flat=True)[:AT_ONCE])
    for row_id in due:
        try:
            current_app.tasks[task](str(row_id))
        except Exception:
            logger.exception("The task %s failed for %s", task, row_id)
    return len(due)
