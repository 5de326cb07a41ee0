"""Imports of tokens that wait for an officer."""

from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.open_tasks import columns, second_officer
from identity_manager.console.open_tasks.source import Source
from identity_manager.models import Person, TokenImport, TokenImportState
from identity_manager.workflow.token_imports import decisions


def looked_through(actor: Person, _now: datetime) -> QuerySet[TokenImport]:
    """Imports of tokens whose matching nobody has looked at yet, oldest first."""
    rows = _looked_through().order_by("asked_at", "pk")
    return rows if decisions.officer_obstacle(actor) is None else rows.none()


def _looked_through() -> QuerySet[TokenImport]:
    return TokenImport.objects.filter(state=TokenImportState.LOOKED_THROUGH)


def _page(row: TokenImport) -> str:
    return reverse("console:token-import", args=[row.pk])


_COLUMNS = columns.to_decide(columns.name(_("Import of tokens"), _page), _page, button=_("Look at it"))
SOURCES = (
    Source(
        name="token-imports-to-look-at",
        title=_("Imports of tokens to look at"),
        roles=frozenset({TokenImport.DECIDER}),
        waiting=looked_through,
        any_waiting=(_looked_through,),
        columns=_COLUMNS,
        sentence=lambda number: ngettext(
            "import of tokens has been looked through", "imports of tokens have been looked through", number
        ),
    ),
    second_officer.to_decide(
        TokenImport,
        name="token-imports",
        title=_("Imports of tokens to confirm"),
        columns=_COLUMNS,
        sentence=lambda number: ngettext(
            "import of tokens waits for your confirmation",
            "imports of tokens wait for your confirmation",
            number,
        ),
    ),
)
