"""Page context of imports of persons: the file, the plan row by row, and the decision."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.forms import refusals
from identity_manager.console.forms.fields import LONGEST_REASON
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists import counting
from identity_manager.console.people import identity_change_page
from identity_manager.models import IdentityChange, ImportState, Person, PersonImport
from identity_manager.models.people.person import DIRECTORY_FIELDS, REQUIRED_FIELDS
from identity_manager.models.words import Vocabulary
from identity_manager.people.imports import applying as importing
from identity_manager.people.imports import identities
from identity_manager.people.imports.applying import ImportPlan, PlannedRow, RowOutcome
from identity_manager.people.imports.identities import Confirmed
from identity_manager.ui.forms import TOO_LONG
from identity_manager.ui.parts import Tab
from identity_manager.ui.punctuation import labelled
from identity_manager.workflow.archive import loss
from identity_manager.workflow.people import imports

ROWS_SHOWN = 100
IMPORTS_SHOWN = 10
WORDS = Vocabulary(
    "rows of imports of persons",
    {
        RowOutcome.REFUSED: _("Refused"),
        RowOutcome.CREATE: _("New"),
        RowOutcome.UPDATE: _("Changed"),
        RowOutcome.WAITS: _("Wait for a second officer"),
        RowOutcome.UNCHANGED: _("Unchanged"),
    },
)
MEANINGS = {
    RowOutcome.REFUSED: "stopped",
    RowOutcome.CREATE: "done",
    RowOutcome.UPDATE: "information",
    RowOutcome.WAITS: "waiting",
    RowOutcome.UNCHANGED: "quiet",
}


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


@dataclass(frozen=True)
class ImportLine:
    """One row of the file in words."""

    row: PlannedRow
    meaning: str
    word: str | Promise
    sentences: list[str]

    @property
    def name(self) -> str:
        if self.row.person is not None:
            return self.row.person.display_name
        return self.row.changes.get("display_name", "")


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
        "counts": [(WORDS.in_words(name), number) for name, number in row.counts.items() if number],
    }
    if planned is not None:
        return found | _of_plan(planned, asked)
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
        request, refused, more=identity_change_page.more_not_confirmed, unnamed=len(done.left) - len(named)
    )


def _of_plan(planned: ImportPlan, asked: dict[str, str]) -> dict[str, Any]:
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
            Tab(str(word), f"?outcome={outcome.value}", outcome == chosen, planned.count(outcome))
            for outcome, word in WORDS.items()
        ],
        "page": page,
        "lines": list(lines(page.object_list)),
    }


def _outcome(asked: dict[str, str], planned: ImportPlan, *, is_guarded: bool) -> RowOutcome:
    """The outcome to filter by: the requested one, or the first that has rows.

    A second officer is asked because of changes, so new persons come last then.
    """
    wanted = asked.get("outcome", "")
    if wanted in set(RowOutcome):
        return RowOutcome(wanted)
    order = sorted(WORDS, key=lambda outcome: is_guarded and outcome == RowOutcome.CREATE)
    return next((outcome for outcome in order if planned.count(outcome)), RowOutcome.UNCHANGED)


def lines(rows: Iterable[PlannedRow]) -> Iterator[ImportLine]:
    """The rows with their outcome."""
    for row in rows:
        yield ImportLine(row, MEANINGS[row.outcome], WORDS.in_words(row.outcome), list(_sentences(row)))


def _sentences(row: PlannedRow) -> Iterator[str]:
    for error in row.errors:
        yield labelled(label_of(error.field), error.sentence)
    if row.errors:
        return
    if row.person is None:
        yield from _waiting_sentences(row)
        return
    for name, value in {**row.changes, **row.waits}.items():
        before = row.person.manager.personnel_number if name == "manager" and row.person.manager else ""
        before = before or str(getattr(row.person, name) or "–")
        yield labelled(label_of(name), f"{shown(name, before)} → {shown(name, value or '–')}")


def _waiting_sentences(row: PlannedRow) -> Iterator[str]:
    for name, value in row.waits.items():
        words = {"field": label_of(name), "value": value}
        yield _("%(field)s: %(value)s (waits for a second officer)") % words


def label_of(name: str) -> str:
    labels = {field.name: field.verbose_name for field in Person._meta.concrete_fields}
    return capfirst(str(labels.get(name, name)))


def shown(name: str, value: str) -> str:
    """The label of a value with choices; any other value as it is."""
    field = Person._meta.get_field(name)
    return str(dict(getattr(field, "flatchoices", ())).get(value, value))


def report(planned: ImportPlan) -> Iterator[tuple[object, ...]]:
    """The rows of the CSV report."""
    for line in lines(planned.rows):
        yield line.row.line, line.row.personnel_number, line.name, line.word, " ".join(line.sentences)
