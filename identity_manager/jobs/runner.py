"""Job runner: claims and runs due jobs of JOBS.

The beat publishes a tick every few seconds. A worker claims a due job by a conditional update of its row, so
that several beats and workers run it once. A failing job shows its error on the page of jobs and runs again
at its next time. A new entry of JOBS gets its row automatically.
"""

import logging
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import CaError
from identity_manager import audit, queue
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.jobs import schedule
from identity_manager.jobs.schedule import Job
from identity_manager.models import JobRun, Person
from identity_manager.transactions.refusals import Reason, Stale, require
from identity_manager.workflow.requests import suspension

logger = logging.getLogger(__name__)

RUN = "jobs.run"
TICK = "jobs.tick"
RUNS_ALREADY = Reason("runs-already", _("The job is running just now."))


def rows() -> dict[str, JobRun]:
    """The row of each job by name; unsaved for a job that has never run."""
    names = [job.name for job in schedule.JOBS]
    known = {row.name: row for row in JobRun.objects.filter(name__in=names)}
    now = timezone.now()
    return {name: known.get(name) or JobRun(name=name, next_attempt_at=now) for name in names}


def row_of(name: str) -> JobRun:
    """The saved row of a job; a new job is due at once."""
    row, _created = JobRun.objects.get_or_create(name=name, defaults={"next_attempt_at": timezone.now()})
    return row


def tick() -> int:
    """Publish each due job; return how many. A duplicate message does not run a job twice."""
    ready = due()
    for row in ready:
        queue.publish(RUN, row.pk)
    return len(ready)


def due() -> list[JobRun]:
    """The rows of due jobs."""
    now, known = timezone.now(), rows()
    for job in schedule.JOBS:
        row = known[job.name]
        if row._state.adding:
            known[job.name] = row_of(job.name)
        elif _is_out_of_reach(row, job, now) and _bring_back(row, job):
            row.refresh_from_db()
    return [row for row in known.values() if row.is_due(now)]


def _is_out_of_reach(row: JobRun, job: Job, now: datetime) -> bool:
    """Whether the next run or the lease lies so far ahead that only a wrong clock can have set it."""
    lease = job.lease or timedelta(seconds=settings.LEASE_SECONDS)
    return row.is_out_of_reach(
        now, every=job.every + suspension.CLOCKS_DIFFER, lease=lease + suspension.CLOCKS_DIFFER
    )


def _bring_back(row: JobRun, job: Job) -> bool:
    """Reset a job that a worker with a clock far ahead has scheduled or leased into the future.

    Compares with the database's clock, because the local one may be wrong too. Returns whether it was reset.
    """
    now = JobRun.objects.clock_of_database()
    same = JobRun.objects.filter(
        pk=row.pk,
        next_attempt_at=row.next_attempt_at,
        claim_id=row.claim_id,
        leased_until=row.leased_until,
    )
    free = {"next_attempt_at": now, "claim_id": None, "leased_until": None}
    if not _is_out_of_reach(row, job, now) or not same.update(**free):
        return False
    logger.warning("The job %s was to run at %s: a clock was ahead.", row.name, row.next_attempt_at)
    return True


def run(*, run_id: uuid.UUID) -> bool:
    """Claim the job, run it, store the outcome; False where it is not due or another worker has it.

    Any exception becomes the outcome: shown on the page of jobs, and logged.
    """
    row = _claim(run_id)
    job = schedule.named(row.name) if row else None
    if row is None or job is None:
        return False
    try:
        result, error = _words(job.run()), ""
    except CaError as trouble:
        result, error = "", trouble.words
        logger.warning("The job %s failed: %s", job.name, error)
    except Exception as trouble:
        result, error = "", f"{type(trouble).__name__}: {trouble}"
        logger.exception("The job %s failed", job.name)
    _settle(row, job, result=result, error=error[:2000])
    return True


def start_once(*, actor: Person, name: str) -> JobRun:
    """Have the job run now, whatever its schedule says: it starts within five seconds.

    Raises NotAllowed, Stale where it is running, JobRun.DoesNotExist for a name that no job has.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        if schedule.named(name) is None:
            raise JobRun.DoesNotExist(name)
        now = timezone.now()
        row = row_of(name)
        changed = JobRun.objects.unleased(now).filter(pk=row.pk).update(next_attempt_at=now)
        require(changed, else_=RUNS_ALREADY, kind=Stale)

        audit.record(audit.Event.JOB_STARTED, actor=actor, subject=None, job=name)
        queue.after_commit(RUN, row.pk)
        return row


def _claim(run_id: uuid.UUID) -> JobRun | None:
    now = timezone.now()
    with transaction.atomic():
        if JobRun.objects.claim(run_id, now=now) is None:
            return None
        row = JobRun.objects.get(pk=run_id)
        row.started_at, job = now, schedule.named(row.name)
        if job is not None and job.lease is not None:
            row.leased_until = now + job.lease
        row.save(update_fields=["started_at", "leased_until"])
        return row


def _settle(row: JobRun, job: Job, *, result: str, error: str) -> None:
    """Store the outcome if the claim is still ours: after the lease another run may have started."""
    claim = row.claim_id
    row.settle(now=timezone.now(), every=job.every, result=result, error=error)
    values = {field.attname: getattr(row, field.attname) for field in JobRun._meta.concrete_fields}
    del values["id"], values["name"]
    JobRun.objects.filter(pk=row.pk, claim_id=claim).update(**values)


def _words(result: int | str) -> str:
    return result if isinstance(result, str) else str(int(result))
