"""Page contexts of imports of tokens: the matching row by row, and what the officer can do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import Count
from django.utils.functional import Promise, lazystr
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.history import event_wording
from identity_manager.models import Person, RowOutcome, TokenImport, TokenImportRow, TokenImportState
from identity_manager.models.catalogue.token_type import offered_types
from identity_manager.models.token_imports.token_import import WITHDRAWABLE
from identity_manager.ui.parts import Tab
from identity_manager.workflow.people import imports
from identity_manager.workflow.token_imports import decisions, matching, reasons

ROWS_SHOWN = 100
IMPORTS_SHOWN = 20
MEANINGS = {
    RowOutcome.NEW: "waiting",
    RowOutcome.KEY: "waiting",
    RowOutcome.KNOWN: "quiet",
    RowOutcome.REFUSED: "stopped",
    RowOutcome.DONE: "done",
}
KEY_ARCHIVED, KEY_LEFT, NO_KEY = _("Its key is archived"), _("Its key is not kept"), _("Without its key")


class UploadForm(VerbForm):
    """A file of certificates and the token types that they may be of."""

    file = forms.FileField(
        label=_("File of certificates"),
        help_text=_("PEM, DER, PKCS#7 or LDIF, at most 500 certificates. No keys."),
        max_length=200,
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty.")},
    )
    types = forms.MultipleChoiceField(
        label=_("Token types"),
        help_text=_("A certificate becomes a token of the first one that has a profile for its purpose."),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": lazystr(matching.NO_TYPES)},
    )

    tells_persons = forms.BooleanField(
        label=_("Tell the persons by mail"),
        help_text=_("Once it is imported, each gets one mail that says which tokens are looked after here."),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["types"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 narrows the declared type
        field.choices = [(each.code, str(each)) for each in offered_types()]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > imports.MOST_BYTES:
            raise forms.ValidationError(str(imports.TOO_LARGE))
        return file


class MatchingForm(VerbForm):
    """Form with the digest of what the officer saw, so that nothing else is confirmed."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)


@dataclass(frozen=True)
class MatchedRow:
    """One row, in words."""

    row: TokenImportRow

    @property
    def meaning(self) -> str:
        return MEANINGS[RowOutcome(self.row.outcome)]

    @property
    def matched_by(self) -> str | Promise:
        return matching.NAMES.in_words(self.row.matched_by)

    @property
    def sentence(self) -> str | Promise:
        """Reason why the row is left out, or what becomes of its key."""
        if self.row.code:
            return reasons.ROWS.in_words(self.row.code)
        return KEY_ARCHIVED if self.row.archives else KEY_LEFT if self.row.has_key else NO_KEY


def listing(form: UploadForm, *, asked: str) -> dict[str, Any]:
    """The imports, and the form for a file of certificates."""
    rows = TokenImport.objects.select_related("asked_by")
    recent = Paginator(rows, IMPORTS_SHOWN).get_page(asked)
    return {"tab": "search", "form": form, "recent": recent, "command": _command("type", gettext("TYPE"))}


def context(actor: Person, row: TokenImport, form: VerbForm, *, asked: dict[str, str]) -> dict[str, Any]:
    """One import: its rows with one outcome, and who decides."""
    counted = dict(row.rows.order_by().values_list("outcome").annotate(number=Count("pk")))
    chosen = _outcome(asked.get("outcome", ""), counted)
    found = row.rows.filter(outcome=chosen).select_related("person", "token_type")
    page = Paginator(found.defer("certificate"), ROWS_SHOWN).get_page(asked.get("page"))
    names = event_wording.type_names()
    return {
        "tab": "search",
        "row": row,
        "types": [names.get(code, code) for code in row.types],
        "form": form,
        "own": row.asked_by_id == actor.pk,
        "withdrawable": row.state in WITHDRAWABLE,
        "nothing_to_do": None if decisions.to_be_done(row).exists() else decisions.NOTHING_TO_IMPORT,
        "command": _command("confirmed", row.pk)
        if row.state == TokenImportState.CONFIRMED and row.has_keys
        else "",
        "tabs": list(_tabs(chosen, counted)),
        "page": page,
        "lines": list(_lines(page.object_list)),
    }


def _command(option: str, value: object) -> str:
    """Shell command to be typed where the workers run; one line, which breaks nowhere."""
    return f"manage.py import_tokens {gettext('FOLDER')} --passwords {gettext('FILE')} --{option} {value}"


def _lines(rows: Iterable[TokenImportRow]) -> Iterator[MatchedRow]:
    return map(MatchedRow, rows)


def _outcome(asked: str, counted: dict[str, int]) -> RowOutcome:
    """The one that was asked for, or the first that has any rows."""
    if asked in set(RowOutcome):
        return RowOutcome(asked)
    return next((each for each in RowOutcome if counted.get(each.value)), RowOutcome.NEW)


def _tabs(chosen: RowOutcome, counted: dict[str, int]) -> Iterator[Tab]:
    for each in RowOutcome:
        yield Tab(str(each.label), f"?outcome={each.value}", each == chosen, counted.get(each.value, 0))
