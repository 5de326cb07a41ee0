"""OPEN TASKS about persons who are late with accepting terms again."""

from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import acceptances
from identity_manager.console.lists.columns import Column
from identity_manager.console.open_tasks import columns
from identity_manager.console.open_tasks.source import More, Source
from identity_manager.models import Person, Role, TermsNotice
from identity_manager.ui import cells
from identity_manager.ui.templatetags import moments


def late(actor: Person, now: datetime) -> QuerySet[TermsNotice]:
    """Persons of the officer's units who have not accepted in time, who is late for longest first."""
    reach = acceptances.within_reach(actor, "person__organisational_unit")
    rows = TermsNotice.objects.late(now).filter(reach)
    return rows.select_related("person", "document", "version").order_by("due_at", "pk")


def _person(row: TermsNotice) -> str:
    return reverse("console:person", args=[row.person_id])


def _terms(row: TermsNotice) -> object:
    return cells.with_line(row.document, gettext("Version %(number)d") % {"number": row.version.number})


SOURCES = (
    Source(
        name="terms-late",
        title=_("Have not accepted the new terms in time"),
        roles=frozenset({Role.TOKEN_ADMINISTRATOR}),
        waiting=late,
        any_waiting=(TermsNotice.objects.all,),
        columns=columns.table(
            columns.person(_person),
            Column("terms", _("Terms"), _terms, width="column-wide"),
            Column("until", _("Until"), lambda row: moments.when(row.due_at)),
        ),
        more=More(
            _("See who has accepted, who has not, and take it as a file"),
            "console:terms-acceptances",
            "?state=late",
        ),
        sentence=lambda number: ngettext(
            "person has not accepted the new terms in time",
            "persons have not accepted the new terms in time",
            number,
        ),
    ),
)
