"""Periodic work: the closed list of jobs, and the verbs that run what is due.

A beat ticks every few seconds. Whoever hears it claims the due jobs, each by a conditional update of its
row, so that two beats and ten workers run a job once. A job that fails shows its error and runs again at
its next time. A new entry of JOBS gets its row by itself.
"""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge import registry
from ca_bridge.errors import CaError
from identity_manager import audit, epochs, queue, vault
from identity_manager.audit import carrying, heads
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.models import JobRun, Person, person_search
from identity_manager.people import roles, sessions
from identity_manager.workflow import (
    batch_asking,
    batch_orders,
    ca_comparison,
    changes,
    expiring,
    imports,
    outages,
    reminders,
    retention,
    side_roads,
    sweep,
)
from identity_manager.workflow.errors import Reason, Stale, refuse

logger = logging.getLogger(__name__)

RUN = "jobs.run"
TICK = "jobs.tick"
RUNS_ALREADY = Reason("runs-already", _("The job is running just now."))


@dataclass(frozen=True)
class Job:
    """Something to do again and again. run returns how many it did, or a sentence; it may raise anything.

    lease: how long after a crash another one does it; empty: LEASE_SECONDS. Two at once must do no harm.
    """

    name: str
    label: str | Promise
    every: timedelta
    run: Callable[[], int | str]
    lease: timedelta | None = None


def _erase_traces() -> str:
    return "" if vault.erase_traces() else str(_("The database was busy; the next run does it."))


def _sign_heads() -> int:
    heads.sign()
    return carrying.export()


JOBS: tuple[Job, ...] = (
    Job(
        "queue.sweep",
        _("Takes up what is due and was left: certificates, tokens, mails"),
        timedelta(seconds=5),
        sweep.sweep,
        lease=timedelta(seconds=30),  # without it nothing goes on that was left
    ),
    Job(
        "vault.erase_traces",
        _("Overwrites what erased secrets left behind in the database's files"),
        timedelta(seconds=5),
        _erase_traces,
    ),
    Job(
        "ca.revoke_surplus",
        _("Revokes what a certificate authority issued beside what is used"),
        timedelta(minutes=1),
        sweep.revoke_surplus,
    ),
    Job(
        "ca.compare",
        _("Compares orders about which there was doubt with what their certificate authority has"),
        timedelta(minutes=1),
        sweep.compare_with_cas,
    ),
    Job(
        "ca.compare_issued",
        _("Compares what certificate authorities have issued with the database, after a restore"),
        timedelta(minutes=1),
        ca_comparison.go_on,
    ),
    Job(
        "ca.renew_crls",
        _("Renews the revocation lists and OCSP signers that are due"),
        timedelta(minutes=5),
        registry.renew_crls,
    ),
    Job(
        "ca.check",
        _("Asks each certificate authority whether it answers"),
        timedelta(minutes=5),
        outages.check_all,
    ),
    Job(
        "road.lapse_overdue",
        _("Ends requests and passphrases whose time has run out"),
        timedelta(hours=1),
        side_roads.lapse_overdue,
    ),
    Job(
        "road.expire_ended",
        _("Ends tokens whose certificates have all ended, and orders anew what ended before sealing"),
        timedelta(hours=1),
        expiring.expire_ended,
    ),
    Job(
        "requests.remind_of_acceptance",
        _("Reminds persons of terms that they have not accepted yet"),
        timedelta(hours=1),
        reminders.remind_of_acceptance,
    ),
    Job(
        "requests.remind_of_passphrases",
        _("Reminds persons of passphrases that they have not noted yet"),
        timedelta(hours=1),
        reminders.remind_of_passphrases,
    ),
    Job(
        "requests.bring_back_postponed",
        _("Brings postponed decisions back when their time has come"),
        timedelta(minutes=1),
        reminders.bring_back_postponed,
    ),
    Job(
        "requests.chase_decisions",
        _("Reminds approvers, and asks others where nobody decides"),
        timedelta(hours=1),
        reminders.chase_decisions,
    ),
    Job(
        "batches.tell_approvers",
        _("Tells approvers of requests of batch orders, where nobody has told them"),
        timedelta(hours=1),
        batch_asking.tell_of_stopped,
    ),
    Job(
        "requests.notice_changes",
        _("Stops requests whose person has changed since they were asked for"),
        timedelta(minutes=5),
        changes.notice_all,
    ),
    Job(
        "imports.forget_old",
        _("Drops the files of imports that nobody went on with for seven days"),
        timedelta(hours=1),
        imports.forget_old,
    ),
    Job(
        "batches.forget_old",
        _("Cancels batch orders that nobody has started for seven days"),
        timedelta(hours=1),
        batch_orders.forget_old,
    ),
    Job(
        "roles.end_overdue",
        _("Takes away the roles whose last day is over"),
        timedelta(hours=1),
        roles.end_overdue,
    ),
    Job(
        "database.count",
        _("Counts what the database holds, so that searches take the shortest way"),
        timedelta(hours=1),
        person_search.take_statistics,
    ),
    Job(
        "audit.sign_heads",
        _("Signs where the audit log stands, and carries the signatures off this machine"),
        timedelta(minutes=1),
        _sign_heads,
    ),
    Job(
        "vault.tend_keys",
        _("Moves secrets under new keys, and destroys the keys that nothing needs any more"),
        timedelta(minutes=1),
        epochs.tend,
    ),
    Job(
        "retention.containers",
        _("Removes files of tokens that are kept no longer"),
        timedelta(hours=1),
        retention.remove_containers,
    ),
    Job(
        "retention.mails",
        _("Removes the texts of old mails"),
        timedelta(hours=1),
        retention.empty_mails,
    ),
    Job(
        "retention.requests",
        _("Takes personal details out of old requests"),
        timedelta(hours=1),
        retention.empty_requests,
    ),
    Job(
        "sessions.forget",
        _("Removes sessions that have run out"),
        timedelta(hours=1),
        sessions.forget_ended,
    ),
    Job(
        "retention.sign_ins",
        _("Removes what the audit log says of old sign-ins"),
        timedelta(hours=1),
        retention.forget_sign_ins,
    ),
    Job(
        "retention.audit",
        _("Removes the oldest part of the audit log, up to a signed checkpoint"),
        timedelta(hours=1),
        retention.cut_audit_log,
    ),
)


def named(name: str) -> Job | None:
    """The job of that name; None where there is none (any more)."""
    return next((job for job in JOBS if job.name == name), None)


def rows() -> dict[str, JobRun]:
    """The row of each job by its name; of a job that has never run, one that is not saved."""
    names = [job.name for job in JOBS]
    known = {row.name: row for row in JobRun.objects.filter(name__in=names)}
    now = timezone.now()
    return {name: known.get(name) or JobRun(name=name, next_attempt_at=now) for name in names}


def row_of(name: str) -> JobRun:
    """The saved row of a job; a job that is new is due at once."""
    row, _created = JobRun.objects.get_or_create(name=name, defaults={"next_attempt_at": timezone.now()})
    return row


def tick() -> int:
    """Publish each job whose time has come; returns how many. Heard twice, a job still runs once."""
    ready = due()
    for row in ready:
        queue.publish(RUN, row.pk)
    return len(ready)


def due() -> list[JobRun]:
    """The rows of the jobs whose time has come."""
    now, known = timezone.now(), rows()
    for job in JOBS:
        row = known[job.name]
        if row._state.adding:
            row_of(job.name)
        elif _is_out_of_reach(row, job, now):
            _bring_back(row, job)
    return list(JobRun.objects.due(now).filter(name__in=[job.name for job in JOBS]))


def _is_out_of_reach(row: JobRun, job: Job, now: datetime) -> bool:
    """Whether only a clock that was far ahead can have said when it runs, or how long it is held."""
    lease = job.lease or timedelta(seconds=settings.LEASE_SECONDS)
    return row.is_out_of_reach(
        now, every=job.every + changes.CLOCKS_DIFFER, lease=lease + changes.CLOCKS_DIFFER
    )


def _bring_back(row: JobRun, job: Job) -> None:
    """A worker whose clock was far ahead had it: nobody else would until that time has come.

    By the clock of the database: it may be ours that is wrong, far behind all others.
    """
    now = JobRun.objects.clock_of_database()
    same = JobRun.objects.filter(
        pk=row.pk,
        next_attempt_at=row.next_attempt_at,
        claim_id=row.claim_id,
        leased_until=row.leased_until,
    )
    free = {"next_attempt_at": now, "claim_id": None, "leased_until": None}
    if _is_out_of_reach(row, job, now) and same.update(**free):
        logger.warning("The job %s was to run at %s: a clock was ahead.", row.name, row.next_attempt_at)


def run(*, run_id: uuid.UUID) -> bool:
    """Claim the job, do it, write down what came of it; False where it is not due or somebody has it.

    Whatever the job raises is its outcome: it stands on the page of the jobs and in the log.
    """
    row = _claim(run_id)
    job = named(row.name) if row else None
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
        if named(name) is None:
            raise JobRun.DoesNotExist(name)
        now = timezone.now()
        row = row_of(name)
        changed = JobRun.objects.idle(now).filter(pk=row.pk).update(next_attempt_at=now)
        refuse(None if changed else RUNS_ALREADY, kind=Stale)

        audit.record(audit.Event.JOB_STARTED, actor=actor, subject=None, job=name)
        queue.after_commit(RUN, row.pk)
        return row


def _claim(run_id: uuid.UUID) -> JobRun | None:
    now = timezone.now()
    with transaction.atomic():
        if JobRun.objects.claim(run_id, now=now) is None:
            return None
        JobRun.objects.filter(pk=run_id).update(started_at=now)
        for job in JOBS:
            if job.lease is not None:
                JobRun.objects.filter(pk=run_id, name=job.name).update(leased_until=now + job.lease)
        return JobRun.objects.get(pk=run_id)


def _settle(row: JobRun, job: Job, *, result: str, error: str) -> None:
    """Only where the claim is still ours: a run that outlived its lease has a successor."""
    claim = row.claim_id
    row.settle(now=timezone.now(), every=job.every, result=result, error=error)
    values = {field.attname: getattr(row, field.attname) for field in JobRun._meta.concrete_fields}
    del values["id"], values["name"]
    JobRun.objects.filter(pk=row.pk, claim_id=claim).update(**values)


def _words(result: int | str) -> str:
    return result if isinstance(result, str) else str(int(result))
