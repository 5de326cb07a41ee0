"""Health on START: one line per part of the installation, for System Administrators.

AREAS is the list. Lines use figures counted together with the others, and at most one further row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Min, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ca_bridge.connection import registry
from identity_manager.console.access import mails, offices
from identity_manager.console.administration import job_page
from identity_manager.console.outbox.forms import STUCK
from identity_manager.console.start.figures import Figure
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

OPERATORS = frozenset({Role.SYSTEM_ADMINISTRATOR})
HELD_UP = "#tasks-mails-held-up"


@dataclass(frozen=True)
class HealthLine:
    """State of one part: badge, sentence, link. at: time of the finding."""

    title: str
    url: str
    meaning: Meaning
    word: str
    sentence: str = ""
    at: datetime | None = None


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
        "types": _figure("token-types", TokenType.objects.drafts),
        "profiles": _figure("profiles", CertificateProfile.objects.drafts),
        "terms": _figure("terms-documents", TermsDraft.objects.all),
    }


def lines(counted: Mapping[str, Figure]) -> list[HealthLine]:
    """The lines, after counting."""
    found = (area(counted) for area in AREAS) if counted else ()
    return [line for line in found if line is not None]


def _figure(page: str, rows: Callable[[], QuerySet[Any]], place: str = "") -> Figure:
    return Figure(lambda _number: "", f"{reverse(f'console:{page}')}{place}", Meaning.QUIET, rows)


def _checks() -> QuerySet[CaCheck]:
    return CaCheck.objects.filter(alias__in=registry.aliases())


def _authorities(counted: Mapping[str, Figure]) -> HealthLine:
    """From stored health checks: a page does not wait for a CA."""
    silent, answering = counted["silent"], counted["answering"].number
    title, number = _("Certificate authorities"), silent.number
    if number:
        words = ngettext("%(number)d does not answer", "%(number)d do not answer", number)
        return HealthLine(title, silent.url, Meaning.STOPPED, words % {"number": number})
    untested = len(registry.aliases()) - answering
    if untested or not answering:
        return HealthLine(title, silent.url, Meaning.QUIET, _("not tested yet"))
    at = _checks().aggregate(at=Min("checked_at"))["at"]
    words = ngettext("%(number)d answers", "%(number)d answer", answering) % {"number": answering}
    return HealthLine(title, silent.url, Meaning.DONE, words, _("tested"), at)


def _mail(counted: Mapping[str, Figure]) -> HealthLine:
    held_up, late, title = counted["held_up"], counted["late"], _("Mail")
    if number := held_up.number:
        words = ngettext("%(number)d mail stands still", "%(number)d mails stand still", number)
        return HealthLine(title, held_up.url, Meaning.STOPPED, words % {"number": number})
    if number := late.number:
        words = ngettext("%(number)d mail is tried again", "%(number)d mails are tried again", number)
        return HealthLine(title, late.url, Meaning.WAITING, words % {"number": number})
    return HealthLine(title, reverse("console:outbox"), Meaning.DONE, _("goes out"))


def _jobs(counted: Mapping[str, Figure]) -> HealthLine:
    failed, title = counted["failed_jobs"], _("Jobs")
    if number := failed.number:
        words = ngettext("%(number)d has failed", "%(number)d have failed", number)
        return HealthLine(title, failed.url, Meaning.STOPPED, words % {"number": number})
    last = JobRun.objects.aggregate(at=Max("finished_at"))["at"]
    if last is None:
        return HealthLine(title, failed.url, Meaning.QUIET, _("none has run yet"))
    if last < timezone.now() - job_page.NOTHING_RUNS:
        return HealthLine(title, failed.url, Meaning.STOPPED, _("nothing runs"), _("the last one"), last)
    return HealthLine(title, failed.url, Meaning.DONE, _("run"), _("the last one"), last)


def _backup(_counted: Mapping[str, Figure]) -> HealthLine:
    backup, title, url = LastBackup.read(), _("Backup"), f"{reverse('console:jobs')}#backup"
    last = _("the last good one") if backup.made_at else ""
    if backup.has_failed:
        return HealthLine(title, url, Meaning.STOPPED, _("has failed"), last, backup.made_at)
    if backup.is_overdue(timezone.now()):
        return HealthLine(title, url, Meaning.STOPPED, _("is missing"), last, backup.made_at)
    if backup.made_at is None:
        return HealthLine(title, url, Meaning.QUIET, _("none is known"))
    return HealthLine(title, url, Meaning.DONE, _("is there"), last, backup.made_at)


def _drafts(counted: Mapping[str, Figure]) -> HealthLine | None:
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


AREAS: tuple[Callable[[Mapping[str, Figure]], HealthLine | None], ...] = (
    _authorities,
    _mail,
    _jobs,
    _backup,
    _drafts,
)
