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
from identity_manager.models.lease import KEY_CLOSED, NO_KEY_SERVICE
from identity_manager.ui.parts import Meaning

PAGES = {
    "certificates": ("requests", "?state=issuing"),
    "tokens": ("requests", "?state=issuing"),
    "placements": ("targets", ""),
    "webhooks": ("other-systems", ""),
}


def rows() -> dict[str, tuple[str, Callable[[], QuerySet[Any]], str]]:
    """Page, rows and place on the page, by the name of each figure that START counts for this line."""
    kinds = (("keys", key_service_waits.WAITING), ("versions", key_service_waits.OF_VERSIONS))
    return {
        f"{why}_{name}": (page, waiting[name], place)
        for why, waiting in kinds
        for name, (page, place) in PAGES.items()
    }


def line(counted: Mapping[str, Figure], jobs: Iterable[JobRun]) -> HealthLine | None:
    """Health line of the key service, if something waits for it. jobs: their rows, read."""
    url, job_error = _link_and_error(counted, jobs, "keys", NO_KEY_SERVICE)
    remedy = _(
        "Nothing is lost, and all is tried again as soon as it answers: manage.py doctor says which key."
    )
    line = HealthLine(_("Key service"), url, Meaning.STOPPED, _("does not answer"), job_error, remedy=remedy)
    return line if job_error else None


def line_of_versions(counted: Mapping[str, Figure], jobs: Iterable[JobRun]) -> HealthLine | None:
    """Health line of key versions that the key service or HSM does not open, if something needs one."""
    url, job_error = _link_and_error(counted, jobs, "versions", KEY_CLOSED)
    remedy = _("Nothing is lost. Open that version there again: manage.py doctor says which one.")
    line = HealthLine(_("Key versions"), url, Meaning.STOPPED, _("are closed"), job_error, remedy=remedy)
    return line if job_error else None


def _link_and_error(
    counted: Mapping[str, Figure], jobs: Iterable[JobRun], why: str, error: str
) -> tuple[str, str]:
    """Link to the work that waits, and its description; the latter is empty where nothing waits."""
    number = {name: counted[f"{why}_{name}"].number for name in PAGES}
    waiting = [words for name, words in _in_words(number).items() if number[name]]
    failed = [schedule.named(row.name) for row in jobs if row.last_error.startswith(error)]
    waiting += [_("the job “%(job)s”") % {"job": job.label} for job in failed if job is not None]
    first = next((counted[f"{why}_{name}"].url for name in PAGES if number[name]), counted["failed_jobs"].url)
    return first, _("waiting: %(what)s") % {"what": ", ".join(waiting)} if waiting else ""


def _in_words(number: Mapping[str, int]) -> dict[str, str]:
    said = {
        "certificates": ngettext("%(number)d certificate", "%(number)d certificates", number["certificates"]),
        "tokens": ngettext("%(number)d software token", "%(number)d software tokens", number["tokens"]),
        "placements": ngettext(
            "%(number)d key for a target", "%(number)d keys for targets", number["placements"]
        ),
        "webhooks": ngettext("%(number)d webhook", "%(number)d webhooks", number["webhooks"]),
    }
    return {name: words % {"number": number[name]} for name, words in said.items()}
