"""Health on START: one line per part of the installation, for System Administrators.

AREAS is the list of those that count what stands in the database; installation.py has the others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ca_bridge.connection import maintenance_needs, registry
from identity_manager.console.access import mails, offices
from identity_manager.console.administration import job_page
from identity_manager.console.outbox.forms import STUCK
from identity_manager.console.start import installation, key_service
from identity_manager.console.start.figures import Figure
from identity_manager.console.start.health_line import HealthLine
from identity_manager.models import (
    CaCheck,
    CertificateProfile,
    JobRun,
    LastBackup,
    Person,
    Role,
    TermsDraft,
    TokenType,
)
from identity_manager.ui.parts import Meaning
from identity_manager.ui.punctuation import labelled

OPERATORS = frozenset({Role.SYSTEM_ADMINISTRATOR})
HELD_UP = "#tasks-mails-held-up"
ORDER = (Meaning.STOPPED, Meaning.WAITING, Meaning.QUIET, Meaning.INFORMATION, Meaning.DONE)


@dataclass(frozen=True)
class Read:
    """Rows that several lines need, read once."""

    checks: Sequence[CaCheck]
    jobs: Sequence[JobRun]


def figures(actor: Person) -> dict[str, Figure]:
    """Figures for the lines, by name; none for others than System Administrators."""
    if not offices.holds(actor, OPERATORS):
        return {}
    return {
        "silent": _figure("authorities", lambda: _checks().filter(ok=False)),
        "answering": _figure("authorities", lambda: _checks().filter(ok=True)),
        "held_up": _figure("approvals", lambda: mails.handled_mails(actor, OPERATORS).held_up(), HELD_UP),
        "late": _figure("outbox", lambda: mails.watched_mails(actor).stuck(), f"?state={STUCK}"),
        "failed_jobs": _figure("jobs", job_page.failed_runs),
        **{name: _figure(*place) for name, place in key_service.rows().items()},
        "types": _figure("token-types", TokenType.objects.drafts),
        "profiles": _figure("profiles", CertificateProfile.objects.drafts),
        "terms": _figure("terms-documents", TermsDraft.objects.all),
        **{name: _figure(page, rows) for name, (page, rows) in installation.rows().items()},
    }


def lines(counted: Mapping[str, Figure]) -> list[HealthLine]:
    """The lines, after counting; what needs somebody first."""
    if not counted:
        return []
    read = Read(list(_checks()), list(JobRun.objects.all()))
    found = [area(counted, read) for area in AREAS]
    found += installation.lines(counted, read.jobs)
    return sorted((line for line in found if line is not None), key=lambda line: ORDER.index(line.meaning))


def _figure(page: str, rows: Callable[[], QuerySet[Any]], place: str = "") -> Figure:
    return Figure(lambda _number: "", f"{reverse(f'console:{page}')}{place}", Meaning.QUIET, rows)


def _checks() -> QuerySet[CaCheck]:
    return CaCheck.objects.filter(alias__in=registry.aliases())


def _authorities(counted: Mapping[str, Figure], read: Read) -> HealthLine:
    """From stored health checks: a page does not wait for a CA."""
    silent, answering = counted["silent"], counted["answering"].number
    title, number = _("Certificate authorities"), silent.number
    if number:
        words = ngettext("%(number)d does not answer", "%(number)d do not answer", number)
        remedy = _("Its page says why: address, credentials, or the authority itself. Orders wait meanwhile.")
        return HealthLine(title, silent.url, Meaning.STOPPED, words % {"number": number}, remedy=remedy)
    untested = len(registry.aliases()) - answering
    if untested or not answering:
        return HealthLine(title, silent.url, Meaning.QUIET, _("not tested yet"))
    if due := _due(read.checks):
        words = ngettext("%(number)d thing is due", "%(number)d things are due", len(due))
        remedy = _("Its page says what to do, and by when.")
        return HealthLine(
            title, silent.url, Meaning.WAITING, words % {"number": len(due)}, due[0], remedy=remedy
        )
    at = min(check.checked_at for check in read.checks)
    words = ngettext("%(number)d answers", "%(number)d answer", answering) % {"number": answering}
    return HealthLine(title, silent.url, Meaning.DONE, words, _("tested"), at)


def _due(checks: Iterable[CaCheck]) -> list[str]:
    """Maintenance that the last health checks found to be due: certificates, CRLs, OCSP signers, keys."""
    due = ((check.alias, each) for check in checks for each in check.concerns)
    return [
        labelled(alias, each if isinstance(each, str) else maintenance_needs.in_words(each))
        for alias, each in due
    ]


def _mail(counted: Mapping[str, Figure], _read: Read) -> HealthLine:
    held_up, late, title = counted["held_up"], counted["late"], _("Mail")
    if number := held_up.number:
        words = ngettext("%(number)d mail stands still", "%(number)d mails stand still", number)
        remedy = _("The mail server refuses us: see the mail settings, then have the mails tried again.")
        return HealthLine(title, held_up.url, Meaning.STOPPED, words % {"number": number}, remedy=remedy)
    if number := late.number:
        words = ngettext("%(number)d mail is tried again", "%(number)d mails are tried again", number)
        return HealthLine(title, late.url, Meaning.WAITING, words % {"number": number})
    return HealthLine(title, reverse("console:outbox"), Meaning.DONE, _("goes out"))


def _jobs(counted: Mapping[str, Figure], read: Read) -> HealthLine:
    failed, title = counted["failed_jobs"], _("Jobs")
    if number := failed.number:
        words = ngettext("%(number)d has failed", "%(number)d have failed", number)
        remedy = _("See its error there; it runs again by itself, or with Run now.")
        return HealthLine(title, failed.url, Meaning.STOPPED, words % {"number": number}, remedy=remedy)
    last = max((row.finished_at for row in read.jobs if row.finished_at), default=None)
    if last is None:
        return HealthLine(title, failed.url, Meaning.QUIET, _("none has run yet"))
    if last < timezone.now() - job_page.NOTHING_RUNS:
        remedy = _("Start the beat, which asks for jobs, and a worker, which runs them.")
        words = _("nothing runs")
        return HealthLine(title, failed.url, Meaning.STOPPED, words, _("the last one"), last, remedy)
    return HealthLine(title, failed.url, Meaning.DONE, _("run"), _("the last one"), last)


def _backup(_counted: Mapping[str, Figure], _read: Read) -> HealthLine:
    backup, title, url = LastBackup.read(), _("Backup"), f"{reverse('console:jobs')}#backup"
    last = _("the last good one") if backup.made_at else ""
    remedy = _("See the output of the command that makes it: manage.py backup, each night.")
    if backup.has_failed:
        return HealthLine(title, url, Meaning.STOPPED, _("has failed"), last, backup.made_at, remedy)
    if backup.is_overdue(timezone.now()):
        return HealthLine(title, url, Meaning.STOPPED, _("is missing"), last, backup.made_at, remedy)
    if backup.made_at is None:
        return HealthLine(title, url, Meaning.QUIET, _("none is known"))
    return HealthLine(title, url, Meaning.DONE, _("is there"), last, backup.made_at)


def _drafts(counted: Mapping[str, Figure], _read: Read) -> HealthLine | None:
    """Drafts of the catalogue; links to the first list that has some."""
    kinds = [counted[name] for name in ("types", "profiles", "terms") if counted[name].number]
    if not kinds:
        return None
    number = sum(each.number for each in kinds)
    words = ngettext("%(number)d draft", "%(number)d drafts", number) % {"number": number}
    return HealthLine(
        _("Token types, profiles, terms"),
        kinds[0].url,
        Meaning.INFORMATION,
        words,
        _("not in force before it is activated"),
    )


AREAS: tuple[Callable[[Mapping[str, Figure], Read], HealthLine | None], ...] = (
    _authorities,
    _mail,
    _jobs,
    lambda counted, read: key_service.line(counted, read.jobs),
    lambda counted, read: key_service.line_of_versions(counted, read.jobs),
    _backup,
    _drafts,
)
