"""Open tasks of renewal: holder changes, tokens with outdated data of their person."""

from datetime import datetime
from operator import attrgetter

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.access import renewals
from identity_manager.console.lists.columns import Column
from identity_manager.console.open_tasks import columns
from identity_manager.console.open_tasks.source import Source
from identity_manager.models import HolderChange, Person
from identity_manager.ui.templatetags import moments


def changes(actor: Person, _now: datetime) -> QuerySet[HolderChange]:
    """Holder changes that this administrator answers, oldest first."""
    return renewals.answered_by(actor).order_by("noticed_at", "pk")


def _page(row: HolderChange) -> str:
    return reverse("console:holder-change", args=[row.pk])


SOURCES = (
    Source(
        name="holder-changes",
        title=_("Software tokens whose person has changed"),
        roles=renewals.RENEWERS,
        waiting=changes,
        any_waiting=(lambda: HolderChange.objects.filter(ended_at=None),),
        columns=columns.table(
            columns.person(_page),
            Column("token", _("Software token"), attrgetter("token")),
            Column("changed", _("Changed"), lambda row: moments.when(row.noticed_at)),
            columns.action(columns.DECIDE, _page),
        ),
        lead=_(
            "Their certificates say a name, an e-mail address, a UPN or a SID that is not so any more. Renew"
            " each one, or leave it as it is."
        ),
        sentence=lambda number: ngettext(
            "software token says of its person what is not so any more",
            "software tokens say of their persons what is not so any more",
            number,
        ),
    ),
)
