"""Placing a batch order: rows of a list or a file, then the kind, then its options; the dry run begins."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from identity_manager.console.access import batches
from identity_manager.console.batch import chosen as choosing
from identity_manager.console.batch import forms as batch_forms
from identity_manager.console.batch.chosen import ChosenRows
from identity_manager.console.batch.forms import OrderForm
from identity_manager.console.forms import refusals
from identity_manager.console.search import selection
from identity_manager.models import BatchKind, BatchOrder, ChosenAs, Person
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.batch import placing
from identity_manager.workflow.batch.kinds.kind import OrderKind
from identity_manager.workflow.batch.placing import BatchOrderInput


@require_http_methods(["GET", "HEAD", "POST"])
def kinds(request: HttpRequest) -> HttpResponse:
    """Choose what is done: to the rows of a list that the form carries along, or to the persons of a file."""
    actor = batches.batch_giver(request)
    rows = None
    if "search" in request.POST:
        try:
            rows = choosing.chosen_rows(request, actor)
        except Refused as refused:
            return selection.refused_page(request, actor, refused)
    chosen_as = rows.chosen_as if rows else ChosenAs.NUMBERS
    offered = [kind for kind in batches.kinds_of(actor) if kind.can_be_chosen_as(chosen_as)]
    context = {"tab": "batch_orders", "rows": rows, "kinds": offered, "carried": _carried(rows)}
    return render(request, "identity_manager/batch/kinds.html", context)


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Take the rows of a list along to the page of the kind's options."""
    actor = batches.batch_giver(request)
    kind = batches.kind_for(actor, request.POST.get("kind", BatchKind.ENABLE))
    try:
        rows = choosing.chosen_rows(request, actor)
    except Refused as refused:
        return selection.refused_page(request, actor, refused)
    return _form_page(request, kind, batch_forms.form_of(kind)(), rows)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Place the order: for rows that the form carries along, else for the persons of a file."""
    if "search" in request.POST:
        return _of_rows(request)
    actor = batches.batch_giver(request)
    kind = _kind(request, actor)
    data = refusals.post_data(request)
    form = batch_forms.form_of(kind)(data, request.FILES or None, of_file=True)
    if form.is_valid():
        with refusals.show_refusal(form):
            return _placed(actor, form, choosing.wanted_of_file(kind, form))
    return _form_page(request, kind, form, None)


def _of_rows(request: HttpRequest) -> HttpResponse:
    actor = batches.batch_giver(request)
    kind = _kind(request, actor)
    form = batch_forms.form_of(kind)(request.POST)
    try:
        rows = choosing.chosen_rows(request, actor)
    except Refused as refused:
        return selection.refused_page(request, actor, refused)
    if form.is_valid():
        with refusals.show_refusal(form):
            return _placed(actor, form, choosing.wanted_of(kind, form, rows))
    return _form_page(request, kind, form, rows)


def _kind(request: HttpRequest, actor: Person) -> OrderKind:
    asked = request.POST if request.method == "POST" else request.GET
    return batches.kind_for(actor, asked.get("kind", BatchKind.ENABLE))


def _placed(actor: Person, form: OrderForm, wanted: BatchOrderInput) -> HttpResponse:
    order: BatchOrder = placing.place_order(actor=actor, order_id=form.cleaned_data["key"], wanted=wanted)
    return redirect("console:batch-order", order.pk)


def _carried(rows: ChosenRows | None) -> list[tuple[str, str]]:
    if rows is None:
        return []
    left_out = ("csrfmiddlewaretoken", "kind")
    return [(name, value) for name in rows.sent if name not in left_out for value in rows.sent.getlist(name)]


def _form_page(
    request: HttpRequest, kind: OrderKind, form: OrderForm, rows: ChosenRows | None
) -> HttpResponse:
    context = {
        "tab": "batch_orders",
        "kind": kind,
        "form": form,
        "rows": rows,
        "carried": rows.fields(form) if rows else [],
    }
    return render(request, "identity_manager/batch/new.html", context, status=refusals.status_of(form))
