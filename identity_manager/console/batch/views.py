"""BATCH ORDERS: dry run, start, progress, and result of each line."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from identity_manager.audit import exports
from identity_manager.console.access import batches, offices, standing_orders
from identity_manager.console.batch import page as batch_page
from identity_manager.console.batch.forms import StartForm
from identity_manager.console.batch.line_columns import COLUMNS
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists.csv_export import csv_response
from identity_manager.models import BatchOrder, BatchState
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch.kinds import kind_of


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List the officer's own orders, or all for officers who read all."""
    actor = batches.batch_reader(request)
    rows = batches.visible_batches(actor)
    may_see_all = batches.reads_all_batches(actor)
    gives = offices.holds(actor, batches.GIVERS)
    own = gives and not (may_see_all and request.GET.get("of") == "all")
    paginator = Paginator(rows.filter(asked_by=actor) if own else rows, batch_page.PER_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    context = {
        "tab": "batch_orders",
        "own": own,
        "may_choose": may_see_all and gives,
        "gives": gives,
        "reads_all": may_see_all,
        "reads_standing": offices.holds(actor, standing_orders.READERS),
        "page": page,
        "rows": batch_page.listing(page),
    }
    return render(request, "identity_manager/batch/list.html", context)


@require_safe
@never_cache
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A batch order with its lines. Its officer may act on it; officers who read all orders may look."""
    return _page(request, pk, None)


@require_safe
@never_cache
def progress(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The polled fragment with the progress; if the state has changed, htmx reloads the page."""
    order = batches.batch_for_officer(request, pk)
    if order.state != request.GET.get("state"):
        return HttpResponseClientRefresh()
    context = batch_page.progress_context(order)
    return render(request, "identity_manager/batch/progress.html", context)


@require_POST
def start(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Start it, with the reason and the pacing; a second officer may have to confirm it first."""
    order, actor = batches.batch_for_giver(request, pk), batches.batch_giver(request)
    form = _start_form(order, request.POST)
    if form.is_valid():
        with refusals.show_refusal(form):
            started = batch_orders.start(
                actor=actor, order_id=pk, note=form.cleaned_data["note"], pacing=form.pacing
            )
            waits = started.state == BatchState.WAITING
            words = _("It waits for a second officer.") if waits else _("Started. You can close this page.")
            messages.success(request, words)
            return redirect("console:batch-order", pk)
    return _page(request, pk, form)


@require_POST
def pause(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Pause a running order, as an officer who may place orders of its kind."""
    return _press(request, pk, batch_orders.pause, gettext_lazy("Paused. Nothing is done until it goes on."))


@require_POST
def resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Resume a paused order, as an officer who may place orders of its kind."""
    return _press(request, pk, batch_orders.resume, gettext_lazy("It goes on."))


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Cancel the order, after a confirmation page."""
    order = batches.batch_for_giver(request, pk)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            batch_orders.cancel(actor=batches.batch_giver(request), order_id=pk)
            messages.success(request, _("Cancelled. Nothing else is done by this batch order."))
            return redirect("console:batch-order", pk)
    return confirmation.page(request, form, _cancelling(order))


@require_POST
def report(request: HttpRequest, pk: uuid.UUID) -> StreamingHttpResponse:
    """The result of each line, as a CSV file."""
    order, actor = batches.batch_for_officer(request, pk), batches.batch_reader(request)
    exports.record(actor=actor, what="batch-order", rows=order.looked_at, filters={"batch": str(pk)})
    rows = batch_page.sheet(actor, order)
    return csv_response(f"batch-order-{order.reference}", COLUMNS.header, rows)


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


def _page(request: HttpRequest, pk: uuid.UUID, form: VerbForm | None) -> HttpResponse:
    """The current state, read again after a refusal."""
    order = batches.batch_for_officer(request, pk)
    shown = form or _start_form(order, None)
    context = batch_page.context(batches.batch_reader(request), order, shown, asked=request.GET.dict())
    return render(request, "identity_manager/batch/order.html", context, status=refusals.status_of(shown))


def _start_form(order: BatchOrder, sent: QueryDict | None) -> StartForm:
    return StartForm(sent, wants_note=kind_of(order).wants_note, initial={"note": order.note})


def _cancelling(order: BatchOrder) -> Confirmation:
    return Confirmation(
        title=_("Cancel the batch order %(reference)s?") % {"reference": order.reference},
        lead=_("What is done stays done. Nothing else is done, and it cannot go on."),
        button=_("Cancel the batch order"),
        back=reverse("console:batch-order", args=[order.pk]),
        tab="batch_orders",
        obstacle=batch_orders.cancelling_obstacle(order),
    )
