"""Forms of batch orders: persons (selection or file), types, handling of partly eligible persons."""

import uuid
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.search import selection
from identity_manager.models import BatchSource, Person, TokenType
from identity_manager.models.identifiers import new_id
from identity_manager.transactions.refusals import NotPossible, require
from identity_manager.ui.forms import CardsField, PurposeField
from identity_manager.ui.parts import Card, type_icon
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch.orders import Wanted
from identity_manager.workflow.policy import eligibility


class OrderForm(VerbForm):
    """Types for a selection. key: the order's id, so that a double submit creates one order."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    types = CardsField(
        label=_("Software token types"), error_messages={"required": lazystr(eligibility.NO_TYPE)}
    )
    purpose = PurposeField()
    accept_partial = forms.BooleanField(
        label=_("Who cannot have all of these types gets the others"),
        help_text=_("Otherwise who cannot have one of them gets none."),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["key"] = new_id()
        field = self.fields["types"]
        assert isinstance(field, CardsField)  # noqa: S101 narrows the declared type
        types = list(TokenType.objects.active())
        field.choices = [(str(each.pk), _card(each)) for each in types]
        PurposeField.add_to(self, types)

    @property
    def type_ids(self) -> list[uuid.UUID]:
        return [uuid.UUID(value) for value in self.cleaned_data["types"]]

    @property
    def rest(self) -> dict[str, Any]:
        """What else the verb takes of the form."""
        typed = self.cleaned_data
        return {"accept_partial": typed["accept_partial"], "purpose": typed.get("purpose", "")}


class FileForm(OrderForm):
    """Types for the persons of a file."""

    file = forms.FileField(
        label=_("CSV file"),
        help_text=_("Personnel numbers, one in each line; of several columns, the one with that name."),
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty.")},
    )
    field_order = ("file", "types", "purpose", "accept_partial", "key")

    def clean(self) -> dict[str, Any] | None:
        """Any other error loses the file too, as browsers do not keep file fields."""
        typed = super().clean()
        if self.errors and "file" not in self.errors:
            self.add_error("file", _("Choose the file again: your browser does not keep it."))
        return typed


@dataclass(frozen=True)
class ChosenPersons:
    """The selection of SEARCH, carried in hidden fields."""

    sent: QueryDict
    number: int

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Names and values of the hidden fields."""
        names = [name for name in self.sent if name not in ("csrfmiddlewaretoken", *OrderForm.base_fields)]
        return [(name, value) for name in names for value in self.sent.getlist(name)]


def selected(request: HttpRequest, actor: Person) -> list[str]:
    """Ids of the selected persons, in list order. Raises NotPossible."""
    chosen = selection.chosen(actor, request.POST, limit=None)
    if chosen.search.kind.table.checkbox != "persons":
        raise NotPossible(selection.NO_SEARCH)
    ids = [str(pk) for pk in chosen.rows.values_list("pk", flat=True)[: batch_orders.MOST + 1]]
    require(len(ids) <= batch_orders.MOST, else_=batch_orders.TOO_MANY)
    selection.tell_of_missing(request, chosen)
    return ids


def of_selection(form: OrderForm, ids: list[str]) -> Wanted:
    return Wanted(BatchSource.SELECTION, ids, form.type_ids, **form.rest)


def of_file(form: FileForm) -> Wanted:
    """Personnel numbers of the file. Raises NotPossible at `file`."""
    file = form.cleaned_data["file"]
    content = file.read(batch_orders.MOST_BYTES + 1)
    numbers = batch_orders.numbers_in(content)
    return Wanted(BatchSource.FILE, numbers, form.type_ids, file_name=file.name, **form.rest)


def _card(token_type: TokenType) -> Card:
    return Card(str(token_type), token_type.description, icon=type_icon(token_type.code))
