"""Page context of imports of persons: the file, the plan row by row, and the decision."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.forms import refusals
from identity_manager.console.forms.fields import LONGEST_REASON
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists import counting
from identity_manager.console.people import import_columns
from identity_manager.console.people.import_columns import OUTCOMES
from identity_manager.models import IdentityChange, ImportState, Person, PersonImport
from identity_manager.people.imports import applying as importing
from identity_manager.people.imports import identities
from identity_manager.people.imports.applying import ImportPlan, RowOutcome
from identity_manager.people.imports.identities import Confirmed
from identity_manager.person_fields import DIRECTORY_FIELDS, REQUIRED_FIELDS
from identity_manager.ui.forms import TOO_LONG
from identity_manager.ui.parts import Tab
from identity_manager.workflow.archive import loss
from identity_manager.workflow.people import imports

ROWS_SHOWN = 100
IMPORTS_SHOWN = 10


class UploadForm(VerbForm):
    """The upload of a CSV file."""

    file = forms.FileField(
        label=_("CSV file"),
        help_text=_("UTF-8 or UTF-16, comma or semicolon, at most 5 MB and 20,000 rows."),
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty.")},
    )


class PlanForm(VerbForm):
    """The digest of the plan that the officer saw, so that no other plan is carried out."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)


class ImportForm(PlanForm):
    """The decision of the first officer."""

    accept_partial = forms.BooleanField(
        label=_("Import the good rows, and leave out those that are refused"), required=False
    )


class RejectForm(VerbForm):
    """The refusal by the second officer."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Who asked for the import reads this."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=LONGEST_REASON,
        error_messages={"max_length": TOO_LONG},
        required=False,
    )


def uploading(form: UploadForm, *, asked: str = "") -> dict[str, Any]:
    """The context of the upload page, with one page of the earlier imports."""
    earlier = PersonImport.objects.select_related("asked_by").defer("content")
    return {
        "tab": "search",
        "form": form,
        "columns": DIRECTORY_FIELDS,
        "required": REQUIRED_FIELDS,
        "recent": Paginator(earlier, IMPORTS_SHOWN).get_page(asked),
    }


def context(actor: Person, row: PersonImport, form: VerbForm, *, asked: dict[str, str]) -> dict[str, Any]:
    """The context of one import: its present plan, and what this officer can do."""
    planned = imports.plan_of(row)
    found: dict[str, Any] = {
        "tab": "search",
        "row": row,
        "form": form,
        "own": row.asked_by_id == actor.pk,
        "not_uploader": imports.NOT_UPLOADER,
        "counts": [(OUTCOMES.in_words(name), number) for name, number in row.counts.items() if number],
    }
    if planned is not None:
        return found | _of_plan(actor, planned, asked)
    return found | _of_identities(actor, row, asked) if row.state == ImportState.DONE else found


def _of_identities(actor: Person, row: PersonImport, asked: dict[str, str]) -> dict[str, Any]:
    """Identities of the import that wait, and whether this officer can confirm them."""
    page = Paginator(identities.waiting_of(row), ROWS_SHOWN).get_page(asked.get("page"))
    if not page.paginator.count:
        return {}
    return {
        "page": page,
        "identities": page.object_list,
        "waiting": page.paginator.count,
        "identities_digest": identities.digest_of(row),
        "obstacle": identities.obstacle(actor=actor, row=row),
        "at_once": identities.AT_ONCE,
    }


def tell(request: HttpRequest, done: Confirmed) -> None:
    """Messages after confirming identities: how many succeeded, and the first refusals."""
    words = ngettext("%(number)s person is confirmed.", "%(number)s persons are confirmed.", done.number)
    messages.success(request, words % {"number": counting.grouped(done.number)})
    named = [each.change_id for each in done.left[: refusals.REFUSED_NAMED]]
    persons = IdentityChange.objects.select_related("person").in_bulk(named)
    refused = [(persons[each.change_id].person, each.refused) for each in done.left[: len(named)]]
    refusals.show_several_refusals(
        request, refused, more=refusals.more_not_confirmed, unnamed=len(done.left) - len(named)
    )


def _of_plan(actor: Person, planned: ImportPlan, asked: dict[str, str]) -> dict[str, Any]:
    guard = importing.guard(planned)
    chosen = _outcome(asked, planned, is_guarded=guard is not None)
    page = Paginator(planned.with_outcome(chosen), ROWS_SHOWN).get_page(asked.get("page"))
    return {
        "planned": planned,
        "refused": planned.count(RowOutcome.REFUSED),
        "does_something": bool(planned.count(RowOutcome.CREATE) + planned.count(RowOutcome.UPDATE))
        or bool(planned.count(RowOutcome.WAITS)),
        "guard": guard,
        "not_archived": loss.not_archived(person.pk for person in planned.persons_leaving()),
        "tabs": [
            Tab(
                str(OUTCOMES.in_words(outcome)),
                f"?outcome={outcome.value}",
                outcome == chosen,
                planned.count(outcome),
            )
            for outcome in map(RowOutcome, OUTCOMES)
        ],
        "page": page,
        "table": import_columns.COLUMNS.draw(actor, import_columns.lines(page.object_list)),
    }


def _outcome(asked: dict[str, str], planned: ImportPlan, *, is_guarded: bool) -> RowOutcome:
    """The outcome to filter by: the requested one, or the first that has rows.

    A second officer is asked because of changes, so new persons come last then.
    """
    wanted = asked.get("outcome", "")
    if wanted in set(RowOutcome):
        return RowOutcome(wanted)
    order = sorted(map(RowOutcome, OUTCOMES), key=lambda outcome: is_guarded and outcome == RowOutcome.CREATE)
    return next((outcome for outcome in order if planned.count(outcome)), RowOutcome.UNCHANGED)
