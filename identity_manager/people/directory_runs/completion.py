"""End of a directory run: cursor for the next run, and erasure of staged personal data."""

from datetime import datetime, timedelta

from django.utils import timezone

from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.models import (
    DirectoryOutcome,
    DirectoryRun,
    DirectoryRunLine,
    DirectorySource,
    RunMode,
    RunState,
)

DRY_RUNS_KEPT = timedelta(days=7)
LINES_KEPT = 1000
RUNS_KEPT = 200
NOTHING = {"values": {}, "changes": {}, "email_key": "", "upn_key": "", "sid_key": ""}


def mode_of(source: DirectorySource, configuration: SourceConfiguration, now: datetime) -> RunMode:
    """The mode of the source's next run."""
    if source.wanted:
        return RunMode(source.wanted)
    if not source.cursor or source.configuration != configuration.digest:
        return RunMode.FULL
    read_at = source.ids_read_at
    is_due = read_at is None or read_at + configuration.ids_every <= now
    return RunMode.IDS if is_due else RunMode.CHANGES


def keep_cursor(row: DirectoryRun, configuration: SourceConfiguration) -> None:
    """Store the cursor from which the next run continues."""
    source = DirectorySource.objects.get(pk=row.source_id)
    source.cursor, source.configuration = row.cursor, configuration.digest
    if row.has_all_ids:
        source.ids_read_at = row.started_at
    source.save(update_fields=["cursor", "configuration", "ids_read_at"])


def erase(row: DirectoryRun) -> None:
    """Erase the personal data of a finished run, except of refused persons, whom the next run plans again.

    Of the rest a bounded number of lines is kept, without values; of dry runs all, for a week.
    """
    row.members.all().delete()
    done = row.lines.exclude(outcome=DirectoryOutcome.REFUSED)
    done.filter(outcome=DirectoryOutcome.LINK).delete()
    bound = done.order_by("pk").values_list("pk", flat=True)[LINES_KEPT : LINES_KEPT + 1].first()
    if bound is not None:
        done.filter(pk__gte=bound).delete()
    done.update(**NOTHING)
    before = DirectoryRun.objects.filter(source=row.source_id).exclude(pk=row.pk)
    before = before.exclude(state=RunState.PLANNED, started_at__gt=timezone.now() - DRY_RUNS_KEPT)
    DirectoryRunLine.objects.filter(run__in=before).exclude(values={}).update(**NOTHING)
    _forget_runs(row)


def erase_all(row: DirectoryRun) -> None:
    """Erase what was staged of a run that was dropped."""
    row.members.all().delete()
    row.lines.all().delete()


def _forget_runs(row: DirectoryRun) -> None:
    """The breaker looks a day back; what is older than the newest runs goes."""
    day = timezone.now() - timedelta(days=1)
    runs = DirectoryRun.objects.filter(source=row.source_id, ended_at__lt=day)
    bound = runs.order_by("-started_at").values_list("started_at", flat=True)[RUNS_KEPT : RUNS_KEPT + 1]
    if bound:
        runs.filter(started_at__lte=bound[0]).delete()
