"""What of delivered files waits for an officer."""

from datetime import datetime
from operator import attrgetter

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.access import arrivals, installations
from identity_manager.console.lists.columns import Column
from identity_manager.console.open_tasks import columns
from identity_manager.console.open_tasks.source import More, Source
from identity_manager.models import DeliveryProblem, InstallationNotice, Person
from identity_manager.ui import cells
from identity_manager.ui.templatetags import moments


def not_installed(actor: Person, _now: datetime) -> QuerySet[InstallationNotice]:
    """What this administrator answers, the longest told first."""
    return installations.answered_by(actor).order_by("told_at", "pk")


def _notice_page(row: InstallationNotice) -> str:
    return reverse("console:not-installed", args=[row.pk])


def not_arrived(actor: Person, _now: datetime) -> QuerySet[DeliveryProblem]:
    """What this administrator decides, the oldest first."""
    return arrivals.decided_by(actor).order_by("opened_at", "pk")


def _problem_page(row: DeliveryProblem) -> str:
    return reverse("console:not-arrived", args=[row.pk])


SOURCES = (
    Source(
        name="not-arrived",
        title=_("Files that did not arrive"),
        roles=arrivals.DECIDERS,
        waiting=not_arrived,
        columns=columns.table(
            Column(
                "person",
                _("Person"),
                lambda row: columns.person_cell(row.token.person, _problem_page(row)),
                width="column-wide",
            ),
            Column("token", _("Software token"), attrgetter("token")),
            Column("happened", _("What happened"), str),
            Column("domain", _("Domain"), lambda row: cells.isolate(row.domain)),
            Column("told", _("Told"), lambda row: moments.age(row.opened_at)),
            columns.action(columns.DECIDE, _problem_page),
        ),
        more=More(_("Mail domains"), "console:mail-domains"),
        sentence=lambda number: ngettext("file did not arrive", "files did not arrive", number),
    ),
    Source(
        name="not-installed",
        title=_("Delivered, and not said to be installed"),
        roles=installations.ANSWERERS,
        waiting=not_installed,
        columns=columns.table(
            Column(
                "person",
                _("Person"),
                lambda row: columns.person_cell(row.token.person, _notice_page(row)),
                width="column-wide",
            ),
            Column("token", _("Software token"), attrgetter("token")),
            Column("delivered", _("Delivered"), lambda row: moments.age(row.token.delivered_at)),
            columns.action(columns.DECIDE, _notice_page),
        ),
        lead=_(
            "Their persons were reminded. Where tokens are to be revoked for it and more are due than a day"
            " may have, they wait here, too: nothing is revoked before some of them are answered."
        ),
        sentence=lambda number: ngettext(
            "delivered software token is not said to be installed",
            "delivered software tokens are not said to be installed",
            number,
        ),
    ),
)
