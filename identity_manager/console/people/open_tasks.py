"""Open tasks of Registration Officers: invited persons who cannot sign in."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.lists.columns import Column
from identity_manager.console.open_tasks import columns
from identity_manager.console.open_tasks.source import Source
from identity_manager.models import Person, SignInCode
from identity_manager.ui import cells
from identity_manager.ui.templatetags import moments
from identity_manager.workflow.people import needed_codes


def _page(row: Person) -> str:
    return reverse("console:sign-in-code-ask", args=[row.pk])


def _person(row: Person) -> object:
    return columns.person_cell(row, _page(row))


def _until(row: Person) -> object:
    return moments.when(row.accept_before)  # type: ignore[attr-defined]  # of invited_without_sign_in


SOURCES = (
    Source(
        name="codes-needed",
        title=_("Invited, and cannot sign in"),
        roles=frozenset({SignInCode.DECIDER}),
        waiting=needed_codes.invited_without_sign_in,
        columns=columns.table(
            Column("person", _("Person"), _person, width="column-wide"),
            Column("department", _("Department"), lambda row: cells.isolate(row.department or "–")),
            Column("until", _("Request open until"), _until),
            columns.action(_("Make sign-in code"), _page),
        ),
        lead=_(
            "They have never signed in, and nothing that opens Self-Service knows them. Each needs a sign-in"
            " code to accept the terms."
        ),
        together="identity_manager/people/sign_in_codes/letters_button.html",
        sentence=lambda number: ngettext(
            "invited person needs a sign-in code", "invited persons need a sign-in code", number
        ),
    ),
)
