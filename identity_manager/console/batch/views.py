"""BATCH ORDERS: choose many persons, see who would get what, have it done, see what became of each."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from identity_manager.audit import exports
from identity_manager.console.access import batches, offices
from identity_manager.console.batch import forms as batch_forms
from identity_manager.console.batch import page as batch_page
from identity_manager.console.batch.forms import ChosenPersons, FileForm, OrderForm
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists.csv_export import csv_response
from identity_manager.console.search import selection
from identity_manager.models import BatchOrder, Role
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.batch import orders as batch_orders


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """One's own orders; those of others too, for who reads all."""
    actor = batches.batch_reader(request)
    rows = batches.visible_batches(actor)
    may_see_all = batches.reads_all_batches(actor)
    gives = offices.holds(actor, {Role.TOKEN_ADMINISTRATOR})
    own = gives and not (may_see_all and request.GET.get("of") == "all")
    paginator = Paginator(rows.filter(asked_by=actor) if own else rows, batch_page.PER_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    context = {
        "tab": "batch_orders",
        "own": own,
        "may_choose": may_see_all and gives,
        "gives": gives,
        "reads_all": may_see_all,
        "page": page,
        "rows": batch_page.listing(page),
    }
    return render(request, "identity_manager/batch/list.html", context)


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Take the selection of SEARCH along to the page where types are chosen."""
    actor = batches.batch_giver(request)
    try:
        ids = batch_forms.selected(request, actor)
    except Refused as refused:
        return selection.refused_page(request, actor, refused)
    return _form_page(request, OrderForm(), ChosenPersons(request.POST, len(ids)))


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Give the order: for a selection that the form carries along, else for the persons of a file."""
    if "search" in request.POST:
        return _of_selection(request)
    actor = batches.batch_giver(request)
    form = FileForm(refusals.post_data(request), request.FILES or None)
    if form.is_valid():
        with refusals.show_refusal(form):
            wanted = batch_forms.of_file(form)
            order = batch_orders.ask(actor=actor, order_id=form.cleaned_data["key"], wanted=wanted)
            return redirect("console:batch-order", order.pk)
    return _form_page(request, form, None)


def _of_selection(request: HttpRequest) -> HttpResponse:
    actor = batches.batch_giver(request)
    form = OrderForm(request.POST)
    try:
        ids = batch_forms.selected(request, actor)
    except Refused as refused:
        return selection.refused_page(request, actor, refused)
    if form.is_valid():
        with refusals.show_refusal(form):
            wanted = batch_forms.of_selection(form, ids)
            order = batch_orders.ask(actor=actor, order_id=form.cleaned_data["key"], wanted=wanted)
            return redirect("console:batch-order", order.pk)
    return _form_page(request, form, ChosenPersons(request.POST, len(ids)))


@require_safe
@never_cache
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _page(request, pk, PressForm())


@require_safe
@never_cache
def progress(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The part that moves; where the order is at another state, the page is asked for anew."""
    order = batches.batch_for_officer(request, pk)
    if order.state != request.GET.get("state"):
        return HttpResponseClientRefresh()
    context = batch_page.progress_context(order)
    return render(request, "identity_manager/batch/progress.html", context)


@require_POST
def start(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _press(request, pk, batch_orders.start, gettext_lazy("Started. You can close this page."))


@require_POST
def pause(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _press(
        request, pk, batch_orders.pause, gettext_lazy("Paused. Nobody is enabled until it goes on.")
    )


@require_POST
def resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _press(request, pk, batch_orders.resume, gettext_lazy("It goes on."))


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Nobody else is enabled; asked for on a page of its own."""
    order = batches.batch_for_giver(request, pk)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            batch_orders.cancel(actor=batches.batch_giver(request), order_id=pk)
            messages.success(request, _("Cancelled. Nobody else is enabled by this batch order."))
            return redirect("console:batch-order", pk)
    return confirmation.page(request, form, _cancelling(order))


@require_POST
def report(request: HttpRequest, pk: uuid.UUID) -> StreamingHttpResponse:
    """What becomes, or became, of each person, as a file."""
    order, actor = batches.batch_for_officer(request, pk), batches.batch_reader(request)
    exports.record(actor=actor, what="batch-order", rows=order.looked_at, filters={"batch": str(pk)})
    header = (
        _("No."),
        _("Personnel number"),
        _("Name"),
        _("Outcome"),
        _("Software tokens"),
        _("Details"),
        _("Request"),
    )
    return csv_response(f"batch-order-{order.reference}", header, batch_page.sheet(actor, order))


def _press(
    request: HttpRequest, pk: uuid.UUID, verb: Callable[..., BatchOrder], words: str | Promise
) -> HttpResponse:
    """View of a button that calls one verb."""
    batches.batch_for_giver(request, pk)
    form = PressForm(request.POST)
    if form.is_valid():
        with refusals.show_refusal(form):
            verb(actor=batches.batch_giver(request), order_id=pk)
            messages.success(request, str(words))
            return redirect("console:batch-order", pk)
    return _page(request, pk, form)


def _page(request: HttpRequest, pk: uuid.UUID, form: VerbForm) -> HttpResponse:
    """The current state, read again after a refusal."""
    order = batches.batch_for_officer(request, pk)
    context = batch_page.context(batches.batch_reader(request), order, form, asked=request.GET.dict())
    status = refusals.status_of(form)
    return render(request, "identity_manager/batch/order.html", context, status=status)


def _form_page(request: HttpRequest, form: OrderForm, chosen: ChosenPersons | None) -> HttpResponse:
    context = {"tab": "batch_orders", "form": form, "chosen": chosen}
    status = refusals.status_of(form)
    return render(request, "identity_manager/batch/new.html", context, status=status)


def _cancelling(order: BatchOrder) -> Confirmation:
    return Confirmation(
        title=_("Cancel the batch order %(reference)s?") % {"reference": order.reference},
        lead=_("Who is enabled stays so. Nobody else is enabled, and it cannot go on."),
        button=_("Cancel the batch order"),
        back=reverse("console:batch-order", args=[order.pk]),
        tab="batch_orders",
        obstacle=batch_orders.cancelling_obstacle(order),
    )
