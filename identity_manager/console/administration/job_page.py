"""Page ADMIN, Jobs: schedule, last outcome and next run of each job."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.catalogue import permission
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.jobs import runner as jobs
from identity_manager.jobs import schedule as jobs_schedule
from identity_manager.jobs.schedule import Job
from identity_manager.models import JobOutcome, JobRun, LastBackup, Person
from identity_manager.models.words import Words
from identity_manager.ui.parts import Meaning

# How late the most frequent job may be before the page warns that nothing runs.
SILENCE = timedelta(minutes=1)
NOTHING_RUNS = timedelta(minutes=10)  # since any job has run: some do every few seconds


@dataclass(frozen=True)
class JobLine:
    """One job of the page. is_due: waits for a worker, not late yet."""

    job: Job
    row: JobRun
    schedule: Words
    is_running: bool
    is_due: bool
    word: Words
    meaning: Meaning
    detail: Words

    @property
    def took(self) -> str:
        return took_words(self.row.took) if self.row.took is not None else ""


def context(actor: Person, *, form: VerbForm) -> dict[str, Any]:
    """All jobs, failed ones first."""
    rows, backup = jobs.rows(), LastBackup.read()
    now = timezone.now()  # after the rows: those made just now are due already
    lines = sorted(_lines(rows, now), key=lambda line: line.row.outcome != JobOutcome.FAILED)
    return {
        "form": form,
        "lines": lines,
        "may_start": permission.is_system_administrator(actor),
        "is_silent": all(_is_late(line.row, now) for line in lines),
        "backup": backup,
        "backup_overdue": backup.is_overdue(now),
    }


def failed_runs() -> QuerySet[JobRun]:
    """The jobs that failed at their last run."""
    names = [job.name for job in jobs_schedule.JOBS]
    return JobRun.objects.filter(outcome=JobOutcome.FAILED, name__in=names)


def schedule_words(every: timedelta) -> str:
    """ "every 5 seconds", "every hour": in the largest unit that fits."""
    seconds = int(every.total_seconds())
    if seconds % 86400 == 0:
        days = seconds // 86400
        return ngettext("every day", "every %(count)d days", days) % {"count": days}
    if seconds % 3600 == 0:
        hours = seconds // 3600
        return ngettext("every hour", "every %(count)d hours", hours) % {"count": hours}
    if seconds % 60 == 0:
        minutes = seconds // 60
        return ngettext("every minute", "every %(count)d minutes", minutes) % {"count": minutes}
    return ngettext("every second", "every %(count)d seconds", seconds) % {"count": seconds}


def took_words(took: timedelta) -> str:
    """How long a run took, in milliseconds below a second."""
    if took < timedelta(seconds=1):
        return str(_("took %(count)d ms") % {"count": took // timedelta(milliseconds=1)})
    seconds = round(took.total_seconds())
    return ngettext("took %(count)d second", "took %(count)d seconds", seconds) % {"count": seconds}


def _lines(rows: Mapping[str, JobRun], now: datetime) -> Iterator[JobLine]:
    for job in jobs_schedule.JOBS:
        row = rows[job.name]
        word, meaning, detail = _outcome(row, now)
        due = row.next_attempt_at
        is_due = due is not None and due <= now and not _is_late(row, now)
        schedule = schedule_words(job.every)
        yield JobLine(job, row, schedule, row.is_leased(now), is_due, word, meaning, detail)


def _outcome(row: JobRun, now: datetime) -> tuple[Words, Meaning, Words]:
    if row.was_cut_off(now):
        return _("cut off"), Meaning.STOPPED, _("The worker ended before the job was done. It runs again.")
    if not row.outcome:
        return "", Meaning.QUIET, ""
    if row.outcome == JobOutcome.FAILED:
        return JobOutcome.FAILED.label, Meaning.STOPPED, row.last_error
    return JobOutcome.OK.label, Meaning.DONE, _result_words(row.result)


def _result_words(result: str) -> Words:
    """A count in words; a sentence unchanged."""
    if not result.isdecimal():
        return result
    number = int(result)
    if number == 0:
        return _("nothing to do")
    return ngettext("%(count)d thing", "%(count)d things", number) % {"count": number}


def _is_late(row: JobRun, now: datetime) -> bool:
    due = row.next_attempt_at
    return due is not None and due < now - SILENCE and not row.is_leased(now)
