"""OPEN TASKS about targets that need a System Administrator."""

from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from identity_manager.catalogue import permission
from identity_manager.console.lists.columns import Column
from identity_manager.console.open_tasks import columns
from identity_manager.console.open_tasks.source import Source
from identity_manager.models import Person, Role, Target
from identity_manager.targets import connectors
from identity_manager.ui.parts import Meaning

MENDERS = frozenset({Role.SYSTEM_ADMINISTRATOR})


def needing_an_officer(actor: Person, _moment: datetime) -> QuerySet[Target]:
    """Targets that this officer mends; they have persons of any unit."""
    everywhere = permission.is_system_administrator(actor)
    rows = Target.objects.needing_an_officer() if everywhere else Target.objects.none()
    return rows.order_by("last_error_at", "name")


def _page(row: Target) -> str:
    return reverse("console:target", args=[row.name])


def _label(row: Target) -> str:
    configuration = connectors.configuration_of(row.name)
    return configuration.name if configuration else row.name


def _trouble(row: Target) -> object:
    return row.error_in_words or gettext("Nobody knows whether something is there.")


SOURCES = (
    Source(
        name="targets",
        title=_("Targets that need somebody"),
        roles=MENDERS,
        waiting=needing_an_officer,
        columns=columns.table(
            columns.name(_("Target"), _page, named=_label),
            Column("trouble", _("What is wrong"), _trouble),
            columns.action(_("Look at it"), _page),
        ),
        lead=_(
            "What is to be put there waits, and nothing is lost. See address and credentials in the settings,"
            " then test it; the page of the target says what nobody knows."
        ),
        sentence=lambda number: ngettext("target needs somebody", "targets need somebody", number),
        meaning=Meaning.STOPPED,
    ),
)
