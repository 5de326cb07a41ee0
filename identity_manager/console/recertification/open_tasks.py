"""Open tasks of a recertification: roles to be confirmed or withdrawn by a User Administrator."""

from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.access import role_reviews
from identity_manager.console.lists.columns import Column
from identity_manager.console.open_tasks import columns
from identity_manager.console.open_tasks.source import More, Source
from identity_manager.models import Person, RoleReview
from identity_manager.ui import cells
from identity_manager.ui.templatetags import moments


def waiting(actor: Person, _now: datetime) -> QuerySet[RoleReview]:
    """Undecided reviews of this User Administrator."""
    rows = RoleReview.objects.decidable_by(actor).select_related("person", "campaign")
    return rows.order_by("campaign__due_at", "role", "pk")


def _page(row: RoleReview) -> str:
    return reverse("console:recertification", args=[row.campaign_id])


SOURCES = (
    Source(
        name="role-reviews",
        title=_("Roles to be confirmed or withdrawn"),
        roles=role_reviews.DECIDERS,
        waiting=waiting,
        any_waiting=(RoleReview.objects.undecided,),
        columns=columns.table(
            columns.person(_page),
            Column("role", _("Role"), lambda row: row.get_role_display()),
            Column(
                "unit", _("Organisational unit"), lambda row: cells.isolate(row.organisational_unit or "–")
            ),
            Column("until", _("Until"), lambda row: moments.when(row.campaign.due_at)),
            columns.action(columns.DECIDE, _page),
        ),
        lead=_("Once a year somebody else looks whether each officer still needs their roles."),
        more=More(_("See them together"), "console:recertifications", beyond=1),
        sentence=lambda number: ngettext(
            "role is to be confirmed or withdrawn", "roles are to be confirmed or withdrawn", number
        ),
    ),
)
