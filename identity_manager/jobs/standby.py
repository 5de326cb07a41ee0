"""Standby worker without a broker: does due work straight from the database while the broker is down.

Messages only wake workers; the work itself is rows in the database. `manage.py stand_in` runs this module.
Leases keep it and workers from doing anything twice.
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
    """Do due work if the broker is unreachable; return how many rows."""
    away = queue.length(queue.name_of(jobs.RUN)) is None
    return work_once() if away else 0


def work_once() -> int:
    """Run due jobs, then the oldest due rows of each kind; return how many rows."""
    close_old_connections()
    sealing.seal()
    for row in jobs.due():
        jobs.run(run_id=row.pk)
    return sum(_do(task, rows()) for task, rows in sweep.WORK.items())


def _do(task: str, rows: LeasedQuerySet[Any]) -> int:
    """Run one task body; after an unexpected exception the row is due again later."""
    due = list(rows.due(timezone.now()).order_by("next_attempt_at").values_list("pk", flat=True)[:AT_ONCE])
    for row_id in due:
        try:
            current_app.tasks[task](str(row_id))
        except Exception:
            logger.exception("The task %s failed for %s", task, row_id)
    return len(due)
