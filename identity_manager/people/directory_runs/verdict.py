"""Figures of a run, and whether the breaker stops it."""

from django.db.models import Count

from identity_manager.models import DirectoryLink, DirectoryOutcome, DirectoryRun, EntryState
from identity_manager.people import breaker
from identity_manager.people.breaker import Counted, Stop
from identity_manager.people.directory_runs import groups
from identity_manager.people.directory_runs.planning import LEAVING


def count(row: DirectoryRun) -> None:
    """Set what the run would do, by outcome, and what the breaker counts."""
    recount(row)
    lines = row.lines.exclude(outcome=DirectoryOutcome.REFUSED)
    row.created = lines.filter(outcome=DirectoryOutcome.CREATE).count()
    row.leaving = lines.filter(outcome__in=LEAVING).count()
    known = lines.filter(person__isnull=False).exclude(person__email="")
    fields = known.filter(changes__fields__has_key="email")
    row.emails_changed = (fields | known.filter(changes__waits__has_key="email")).count()


def recount(row: DirectoryRun) -> None:
    """Set the persons of the run by outcome."""
    found = row.lines.order_by().values_list("outcome").annotate(number=Count("pk"))
    row.counts = dict(found)


def stop(row: DirectoryRun) -> Stop | None:
    """Reason why two officers have to let the run go on, or None."""
    linked = DirectoryLink.objects.filter(source=row.source_id).exclude(state=EntryState.ABSENT).count()
    if row.has_all_ids and not row.read and linked:
        return Stop("nobody-found", {"number": linked})
    emptied = groups.emptied(row) if row.has_groups else None
    counted = Counted.now()
    return breaker.stop(leaving=row.leaving, emails_changed=row.emails_changed, counted=counted) or emptied
