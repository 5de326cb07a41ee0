"""Runs of directory sources: read, stage, stop or apply.

A worker leases the source, so that one worker at a time runs it. A run that was interrupted while reading is
aborted, because it has changed nothing; one that was applying changes is resumed.
"""

import logging
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue, task_names
from identity_manager.directory import sources
from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.directory.contract import End, SourceError
from identity_manager.mail import outbox
from identity_manager.mail.messages import directory_messages
from identity_manager.models import (
    DirectoryRun,
    DirectorySource,
    Person,
    Role,
    RunMode,
    RunState,
    StandingOrder,
)
from identity_manager.models.lease import LeaseLost
from identity_manager.people.directory_runs import completion, groups, verdict
from identity_manager.people.directory_runs.applying import Applying
from identity_manager.people.directory_runs.planning import Planning
from identity_manager.people.directory_runs.staging import Staging
from identity_manager.transactions import advisory_locks, locking
from identity_manager.workflow.people import leave_and_return

READING_SECONDS = 1500  # below the half hour after which a broker redelivers an unacknowledged message
APPLYING_SECONDS = 200
LEASE = timedelta(minutes=10)
AT_ONCE = 100  # files of a folder in one task
KEPT = timedelta(days=7)
NOBODY = _("Nobody let this run go on for seven days.")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeasedSource:
    """A source that this worker has leased, with its configuration."""

    source: DirectorySource
    configuration: SourceConfiguration
    claim_id: uuid.UUID

    def renew(self) -> None:
        """Extend the lease. Raises LeaseLost."""
        mine = DirectorySource.objects.filter(pk=self.source.pk, claim_id=self.claim_id)
        if not mine.update(leased_until=timezone.now() + LEASE):
            raise LeaseLost

    def settle(self, *, due: datetime) -> None:
        """End the lease. due: time of the next run."""
        mine = DirectorySource.objects.filter(pk=self.source.pk, claim_id=self.claim_id)
        mine.update(claim_id=None, leased_until=None, attempts=0, next_attempt_at=due)


def run(*, source_id: uuid.UUID) -> None:
    """Claim and run a due source, or resume its run. A CSV folder may have several files, each a run."""
    work = _claim(source_id)
    if work is None:
        return
    due = timezone.now() + work.configuration.every
    try:
        for _number in range(AT_ONCE):
            if not _run_once(work):
                break
        else:
            due = timezone.now()
        if _is_left(work.source):
            due = timezone.now()
    except LeaseLost:
        return
    finally:
        work.settle(due=due)
    if due <= timezone.now():
        queue.publish(task_names.READ_DIRECTORY, source_id)


def continue_runs() -> int:
    """Job: insert rows of newly configured sources, and drop old stopped runs; return how many sources."""
    known = set(DirectorySource.objects.values_list("name", flat=True))
    new = [each for name, each in settings.DIRECTORY_SOURCES.items() if name not in known]
    for configuration in new:
        due = {"next_attempt_at": timezone.now()}
        DirectorySource.objects.get_or_create(name=configuration.id, defaults=due)
    old = DirectoryRun.objects.forgotten(timezone.now() - KEPT)
    for run_id in list(old.values_list("pk", flat=True)):
        _drop_old(run_id)
    return len(new)


def _drop_old(run_id: uuid.UUID) -> None:
    with transaction.atomic():
        row = locking.directory_run(run_id)
        if row.waits():
            row.drop(by=None, reason=str(NOBODY), now=timezone.now())
            row.save()
            completion.erase_all(row)
            audit.record(audit.Event.DIRECTORY_RUN_DROPPED, actor=None, subject=None, **facts(row))
    put_aside(row)


def put_aside(row: DirectoryRun) -> None:
    """Have the source set the file of a dropped run aside, so that it is not read again."""
    configuration = sources.configuration_of(row.source.name)
    if configuration is not None:
        sources.reader_of(configuration).settled(row.cursor, problem=row.reason)


def facts(row: DirectoryRun) -> dict[str, str]:
    """Facts of audit events: the run and its source."""
    return {"directory_run": str(row.pk), "directory_source": row.source.name}


def _claim(source_id: uuid.UUID) -> LeasedSource | None:
    now = timezone.now()
    with transaction.atomic():
        claim_id = DirectorySource.objects.configured().claim(source_id, now=now)
        if claim_id is None:
            return None
        row = DirectorySource.objects.get(pk=source_id)
        configuration = sources.configuration_of(row.name)
        if configuration is None:
            return None
        work = LeasedSource(row, configuration, claim_id)
        work.renew()
        return work


def _is_left(source: DirectorySource) -> bool:
    return DirectoryRun.objects.filter(source=source, state=RunState.APPLYING).exists()


def _run_once(work: LeasedSource) -> bool:
    """Make one run, or resume one. Returns whether another one may follow at once."""
    row = DirectoryRun.objects.under_way().filter(source=work.source).first()
    if row is not None and row.waits():
        return False
    if row is not None and row.state == RunState.READING:
        _break_off(row, str(_("The worker ended before the directory was read to its end.")))
        row = None
    if row is None:
        row = _begin(work)
        may_follow = _read(work, row)
        if row.state != RunState.APPLYING:
            return may_follow
    return _apply(work, row)


def _begin(work: LeasedSource) -> DirectoryRun:
    source = work.source
    source.refresh_from_db()
    mode = completion.mode_of(source, work.configuration, timezone.now())
    row = DirectoryRun(source=source, mode=mode, started_by=source.wanted_by)
    with transaction.atomic():
        row.save()
        DirectorySource.objects.filter(pk=source.pk, wanted=source.wanted).update(wanted="", wanted_by=None)
    return row


def _read(work: LeasedSource, row: DirectoryRun) -> bool:
    """Read and stage the source, then decide. Returns True after a bad file, if another one may follow."""
    planning = Planning(row, work.configuration, timezone.now())
    reader = sources.reader_of(work.configuration)
    cursor = {} if row.mode in (RunMode.FULL, RunMode.DRY) else work.source.cursor
    staging = Staging(planning, work.renew)
    try:
        end = staging.stage(reader.read(RunMode(row.mode), cursor))
    except SourceError as error:
        logger.warning("The directory %s was not read: %s", work.source.name, error)
        _break_off(row, error.words)
        return row.mode != RunMode.DRY and reader.settled({}, problem=error.words)
    if end.is_idle and row.mode != RunMode.DRY:
        row.delete()
        return False
    _compare(staging, end)
    _decide(work, row)
    return False


def _compare(staging: Staging, end: End) -> None:
    """Complete the staged lines after a clean end: absent, expired and overdue persons, earlier refusals."""
    row, now = staging.run, staging.planning.now
    if end.has_all_ids:
        staging.stage_absent()
    staging.stage_expired(now)
    staging.lock_overdue(now)
    staging.carry_over_refused(has_all_ids=end.has_all_ids)
    staging.refuse_repeated()
    row.read, row.cursor, row.notes = staging.read, dict(end.cursor), list(end.notes)
    row.has_all_ids, row.has_groups = end.has_all_ids, end.has_groups


def _decide(work: LeasedSource, row: DirectoryRun) -> None:
    """Begin to apply the run, stop it, or end a dry run, under the advisory lock of the breaker's counts."""
    with transaction.atomic():
        advisory_locks.imports()
        work.renew()
        verdict.count(row)
        found = verdict.stop(row)
        now = timezone.now()
        if row.mode == RunMode.DRY:
            if found is not None:
                row.stop_code, row.stop_facts = found.code, found.facts
            row.end_dry(now=now)
        elif found is None:
            row.begin(now=now)
        else:
            row.stop(code=found.code, facts=found.facts, now=now)
            _tell(row, work.configuration, str(found.reason))
            audit.record(
                audit.Event.DIRECTORY_RUN_STOPPED, actor=None, subject=None, **facts(row), counts=row.counts
            )
        row.save()


def _tell(row: DirectoryRun, configuration: SourceConfiguration, why: str) -> None:
    outbox.enqueue_each(
        directory_messages.directory_run_stopped(row, officer, name=configuration.name, why=why)
        for officer in Person.objects.holding(Role.REGISTRATION_OFFICER)
    )


def _apply(work: LeasedSource, row: DirectoryRun) -> bool:
    """Change persons and groups. Returns whether the run is done and another one may follow."""
    planning = Planning(row, work.configuration, row.read_at or timezone.now())
    applying = Applying(planning, leave_and_return.take_over_state, work.renew)
    if not applying.carry_out(until=time.monotonic() + APPLYING_SECONDS):
        return False
    if row.has_groups:
        groups.take_over(row, timezone.now())
    groups.end_memberships_of_absent(row)
    with transaction.atomic():
        work.renew()
        row = locking.directory_run(row.pk)
        verdict.recount(row)
        row.finish(now=timezone.now())
        row.save()
        completion.keep_cursor(row, work.configuration)
        completion.erase(row)
        StandingOrder.objects.wake(timezone.now())
        if row.counts:
            audit.record(
                audit.Event.DIRECTORY_RUN_DONE, actor=None, subject=None, **facts(row), counts=row.counts
            )
    return sources.reader_of(work.configuration).settled(row.cursor, problem="")


def _break_off(row: DirectoryRun, words: str) -> None:
    row.break_off(error=words, now=timezone.now())
    row.save()
    row.lines.all().delete()
    row.members.all().delete()
