"""Open tasks of recoveries, for Recovery Officers."""

from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.lists.columns import Column
from identity_manager.console.open_tasks import columns
from identity_manager.console.open_tasks.source import Source
from identity_manager.models import Person, Recovery, RequestState, Role
from identity_manager.ui import cells
from identity_manager.ui.templatetags import moments
from identity_manager.workflow.recovery import officers_policy


def waiting(actor: Person, now: datetime) -> QuerySet[Recovery]:
    """Recoveries that this officer decides on, or gives a share for."""
    rows = officers_policy.waiting_for(actor, now)
    return rows.select_related("owner", "request__person", "request__requested_by")


def _any_open() -> QuerySet[Recovery]:
    return Recovery.objects.filter(request__state__in=(RequestState.REQUESTED, RequestState.FAILED))


def _page(row: Recovery) -> str:
    return reverse("console:recovery", args=[row.pk])


SOURCES = (
    Source(
        name="recoveries",
        title=_("Recoveries of archived keys"),
        roles=frozenset({Role.RECOVERY_OFFICER}),
        waiting=waiting,
        any_waiting=(_any_open,),
        columns=columns.table(
            Column("owner", _("Whose keys"), lambda row: columns.person_cell(row.owner, _page(row))),
            Column("beneficiary", _("For whom"), lambda row: cells.isolate(row.request.person)),
            Column("asked_by", _("Asked for by"), lambda row: cells.isolate(row.request.requested_by)),
            Column("waits", _("Waits for"), lambda row: moments.age(row.created_at), width="column-narrow"),
            columns.action(columns.DECIDE, _page),
        ),
        sentence=lambda number: ngettext(
            "recovery waits for your decision or your share",
            "recoveries wait for your decision or your share",
            number,
        ),
    ),
)
