"""Health on START: what waits for a key service or HSM."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from identity_manager.console.start.figures import Figure
from identity_manager.console.start.health_line import HealthLine
from identity_manager.jobs import key_service_waits, schedule
from identity_manager.models import JobRun
from identity_manager.models.lease import NO_KEY_SERVICE
from identity_manager.ui.parts import Meaning

PAGES = {
    "certificates": ("requests", "?state=issuing"),
    "tokens": ("requests", "?state=issuing"),
    "targets": ("targets", ""),
    "webhooks": ("other-systems", ""),
}


def rows() -> dict[str, tuple[str, Callable[[], QuerySet[Any]], str]]:
    """Page, rows and place on the page of what is counted together with the other figures of START."""
    return {
        f"keys_{name}": (page, key_service_waits.WAITING[name], place)
        for name, (page, place) in PAGES.items()
    }


def line(counted: Mapping[str, Figure], jobs: Iterable[JobRun]) -> HealthLine | None:
    """Only where something waits: most installations have their keys in files. jobs: their rows, read."""
    number = {name: counted[f"keys_{name}"].number for name in PAGES}
    waiting = [words for name, words in _in_words(number).items() if number[name]]
    failed = [schedule.named(row.name) for row in jobs if row.last_error.startswith(NO_KEY_SERVICE)]
    waiting += [_("the job “%(job)s”") % {"job": job.label} for job in failed if job is not None]
    if not waiting:
        return None
    first = next((counted[f"keys_{name}"].url for name in PAGES if number[name]), counted["failed_jobs"].url)
    told = _("waiting: %(what)s") % {"what": ", ".join(waiting)}
    remedy = _(
        "Nothing is lost, and all is tried again as soon as it answers: manage.py doctor says which key."
    )
    return HealthLine(_("Key service"), first, Meaning.STOPPED, _("does not answer"), told, remedy=remedy)


def _in_words(number: Mapping[str, int]) -> dict[str, str]:
    said = {
        "certificates": ngettext("%(number)d certificate", "%(number)d certificates", number["certificates"]),
        "tokens": ngettext("%(number)d software token", "%(number)d software tokens", number["tokens"]),
        "targets": ngettext("%(number)d target", "%(number)d targets", number["targets"]),
        "webhooks": ngettext("%(number)d webhook", "%(number)d webhooks", number["webhooks"]),
    }
    return {name: words % {"number": number[name]} for name, words in said.items()}
