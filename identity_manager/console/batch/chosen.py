"""The selection for a batch order: ticked rows of a list, or all results of a search."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from identity_manager.console.batch.forms import OrderForm
from identity_manager.console.search import selection
from identity_manager.models import BatchSource, ChosenAs, Person
from identity_manager.workflow.batch import placing
from identity_manager.workflow.batch.kinds.kind import OrderKind
from identity_manager.workflow.batch.placing import BatchOrderInput

AT_ONCE = 2000


@dataclass(frozen=True)
class ChosenRows:
    """The choice, carried in hidden fields. search: the query of an order over all that it found."""

    sent: QueryDict
    rows: QuerySet[Any]
    chosen_as: ChosenAs
    search: str
    number: int

    def fields(self, form: OrderForm) -> list[tuple[str, str]]:
        """Names and values of the hidden fields beside those of the form."""
        left_out = ("csrfmiddlewaretoken", "kind", *form.fields)
        names = [name for name in self.sent if name not in left_out]
        return [(name, value) for name in names for value in self.sent.getlist(name)]

    def keys(self) -> Iterator[str]:
        """The ids of the rows, in list order, some at a time."""
        return map(str, self.rows.values_list("pk", flat=True).iterator(chunk_size=AT_ONCE))


def chosen_rows(request: HttpRequest, actor: Person) -> ChosenRows:
    """The selection that the form of a list has sent. Raises NotPossible."""
    chosen = selection.chosen(actor, request.POST, limit=None)
    selection.tell_of_missing(request, chosen)
    return ChosenRows(
        request.POST,
        chosen.rows,
        ChosenAs(chosen.search.kind.table.checkbox),
        chosen.search.query if chosen.is_all else "",
        chosen.rows.order_by().count(),
    )


def wanted_of(kind: OrderKind, form: OrderForm, rows: ChosenRows) -> BatchOrderInput:
    return BatchOrderInput(
        BatchSource.SEARCH if rows.search else BatchSource.SELECTION,
        rows.keys(),
        form.type_ids,
        kind.kind,
        rows.chosen_as,
        accept_partial=form.cleaned_data.get("accept_partial", False),
        purpose=form.cleaned_data.get("purpose", ""),
        options=form.options,
        search=rows.search,
    )


def wanted_of_file(kind: OrderKind, form: OrderForm) -> BatchOrderInput:
    """The persons of a file. Raises NotPossible at `file`."""
    file = form.cleaned_data["file"]
    return BatchOrderInput(
        BatchSource.FILE,
        placing.numbers_in(file.read(placing.MOST_BYTES + 1)),
        form.type_ids,
        kind.kind,
        ChosenAs.NUMBERS,
        accept_partial=form.cleaned_data.get("accept_partial", False),
        purpose=form.cleaned_data.get("purpose", ""),
        options=form.options,
        file_name=file.name,
    )
