"""Health lines on START: jobs, backups, replicas and other services, as noted in the database; disk space."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ca_bridge.database import read_replica
from ca_bridge.database.read_replica import ReplicaFault
from identity_manager.console.lists.counting import grouped
from identity_manager.console.start.figures import Figure
from identity_manager.console.start.health_line import HealthLine
from identity_manager.installation import VERSION
from identity_manager.jobs import month_partitions, retention
from identity_manager.metrics import room
from identity_manager.models import (
    DirectoryRun,
    DirectorySource,
    JobOutcome,
    JobRun,
    LiveProcess,
    ProcessKind,
    RunState,
    Target,
)
from identity_manager.models.words import Vocabulary
from identity_manager.ui.parts import Meaning
from identity_manager.ui.punctuation import labelled

# The jobs.
PORTAL_CERTIFICATES, MONTHS, RETENTION = "portals.certificates", "database.make_months", "retention.audit"
REPLICA = Vocabulary(
    "states of the read replica",
    {
        ReplicaFault.NONE: gettext_lazy("is read"),
        ReplicaFault.SILENT: gettext_lazy("does not answer"),
        ReplicaFault.BEHIND: gettext_lazy("is behind"),
        ReplicaFault.NO_REPLICA: gettext_lazy("is no replica of this database"),
        ReplicaFault.OTHER_TIMELINE: gettext_lazy("follows a server that is not the primary any more"),
    },
)
HALTED = (RunState.INCOMPLETE, RunState.STOPPED, RunState.WAITING)


def rows() -> dict[str, tuple[str, Callable[[], QuerySet[Any]]]]:
    """Page and rows of what is counted together with the other figures of START."""
    return {
        "workers": ("jobs", lambda: LiveProcess.objects.alive(Now()).filter(kind=ProcessKind.WORKER)),
        "halted": ("directories", _halted),
        "down": ("targets", Target.objects.down),
    }


def lines(counted: Mapping[str, Figure], jobs: Iterable[JobRun]) -> Iterator[HealthLine]:
    """counted: of rows(). jobs: their rows, which the page has read."""
    jobs = list(jobs)
    yield from _certificates_of_portals(jobs)
    yield from _months(jobs)
    yield from _retention(jobs)
    if settings.DIRECTORY_SOURCES:
        yield _directories(counted["halted"])
    if settings.TARGETS:
        yield _targets(counted["down"])
    if read_replica.is_configured():
        yield _replica()
    yield _workers(counted["workers"].number)
    yield _disk()
    yield HealthLine(_("Version"), "", Meaning.DONE, VERSION)


def _certificates_of_portals(jobs: Iterable[JobRun]) -> Iterator[HealthLine]:
    """As the job has noted it; nothing where no portal has TLS of its own."""
    title, url = (
        _("TLS certificates of the portals"),
        f"{reverse('console:jobs')}#{slugify(PORTAL_CERTIFICATES)}",
    )
    for row in jobs:
        if row.name != PORTAL_CERTIFICATES:
            continue
        if row.outcome == JobOutcome.FAILED:
            remedy = _("Put a new certificate where the proxy in front of the portals reads it.")
            yield HealthLine(title, url, Meaning.STOPPED, _("end soon"), row.last_error, remedy=remedy)
        elif row.result:
            yield HealthLine(title, url, Meaning.DONE, _("hold"), row.result)


def _months(jobs: Iterable[JobRun]) -> Iterator[HealthLine]:
    """As the job has noted it; nothing where no table is divided by month."""
    title, url = _("Tables by month"), f"{reverse('console:jobs')}#{slugify(MONTHS)}"
    for row in jobs:
        if row.name == MONTHS and row.outcome == JobOutcome.FAILED:
            remedy = _("What comes in is kept meanwhile; manage.py doctor says which month is missing.")
            yield HealthLine(
                title, url, Meaning.WAITING, _("a month is missing"), row.last_error, remedy=remedy
            )
        elif row.name == MONTHS and month_partitions.BEYOND in row.result:
            remedy = _("They are found as all others are. A clock was ahead: see those of all hosts.")
            words = _("rows lie beyond the last month")
            yield HealthLine(title, url, Meaning.WAITING, words, row.result, remedy=remedy)
        elif row.name == MONTHS and row.result:
            yield HealthLine(title, url, Meaning.DONE, _("are made ahead"), row.result)


def _retention(jobs: Iterable[JobRun]) -> Iterator[HealthLine]:
    """As the job has noted it; nothing where it does not wait."""
    for row in jobs:
        if row.name == RETENTION and row.result.startswith(retention.WAITS):
            url = f"{reverse('console:jobs')}#{slugify(RETENTION)}"
            words = _("waits: the clock was ahead when an event was written")
            remedy = _(
                "Nothing is lost. It goes on when that time is over, or signatures of the log prove"
                " that the event is old. See the clocks of all hosts."
            )
            title = _("Retention of the audit log")
            yield HealthLine(title, url, Meaning.WAITING, words, row.result, remedy=remedy)


def _halted() -> QuerySet[DirectorySource]:
    """Sources whose newest run changes nothing until somebody acts."""
    newest = DirectoryRun.objects.filter(source=OuterRef("pk")).order_by("-started_at")
    state = Subquery(newest.values("state")[:1])
    return DirectorySource.objects.configured().alias(newest=state).filter(newest__in=HALTED)


def _directories(halted: Figure) -> HealthLine:
    title, number = _("Directories"), halted.number
    if not number:
        return HealthLine(title, halted.url, Meaning.DONE, _("are read"))
    words = ngettext("%(number)d has stopped", "%(number)d have stopped", number) % {"number": number}
    names = ", ".join(_halted().values_list("name", flat=True))
    remedy = _("Its page says why; a Registration Officer lets it go on.")
    return HealthLine(title, halted.url, Meaning.STOPPED, words, names, remedy=remedy)


def _targets(down: Figure) -> HealthLine:
    title, number = _("Targets of publication"), down.number
    if not number:
        return HealthLine(title, down.url, Meaning.DONE, _("answer"))
    words = ngettext("%(number)d does not answer", "%(number)d do not answer", number) % {"number": number}
    first = Target.objects.down().first()
    reason = labelled(first.name, first.error_in_words) if first else ""
    remedy = _("See its address and its credentials in the settings; it is tried again by itself.")
    return HealthLine(title, down.url, Meaning.STOPPED, words, reason, remedy=remedy)


def _workers(number: int) -> HealthLine:
    """By what live processes say of themselves each few seconds."""
    title, url = _("Queue"), f"{reverse('console:jobs')}#{slugify('queue.sweep')}"
    if number:
        words = ngettext("%(number)d worker takes work", "%(number)d workers take work", number)
        return HealthLine(title, url, Meaning.DONE, words % {"number": number})
    remedy = _("Start a worker, and see that the broker runs. Nothing is lost meanwhile.")
    return HealthLine(title, url, Meaning.STOPPED, _("no worker takes work"), remedy=remedy)


def _replica() -> HealthLine:
    """As the process that has made this page knows it."""
    title, trouble = _("Read replica"), read_replica.watch.trouble()
    words = str(REPLICA.in_words(trouble))
    if not trouble:
        return HealthLine(title, "", Meaning.DONE, words)
    remedy = _("Lists, searches and reports read the primary meanwhile; manage.py doctor says what is wrong.")
    return HealthLine(title, "", Meaning.WAITING, words, remedy=remedy)


def _disk() -> HealthLine:
    """Of the host that has made this page."""
    title = _("Disk of this host")
    try:
        least = min(room.rooms(), key=lambda each: each.free)
    except OSError as error:
        return HealthLine(title, "", Meaning.STOPPED, _("cannot be read"), error.strerror or "")
    words = _("%(number)s MiB are free") % {"number": grouped(least.mebibytes)}
    if least.level == room.Level.ENOUGH:
        return HealthLine(title, "", Meaning.DONE, words)
    meaning = Meaning.WAITING if least.level == room.Level.LITTLE else Meaning.STOPPED
    remedy = _("Make room: the database and the authority stop where they cannot write.")
    return HealthLine(title, "", meaning, words, str(least.place), remedy=remedy)
