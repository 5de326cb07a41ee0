"""The second officer decides on a batch order that the breaker has stopped."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from identity_manager.console.access import batches
from identity_manager.console.batch.forms import RejectForm
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.models import BatchOrder, Person
from identity_manager.workflow.batch import orders as batch_orders


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Start the order, as the second officer, after a confirmation page."""
    order, actor = batches.batch_for_giver(request, pk), batches.batch_giver(request)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            batch_orders.confirm(actor=actor, order_id=pk)
            messages.success(request, _("Confirmed. It starts now."))
            return redirect("console:batch-order", pk)
    return confirmation.page(request, form, _asking(actor, order, confirms=True))


@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Cancel the order with a reason, as the second officer."""
    order, actor = batches.batch_for_giver(request, pk), batches.batch_giver(request)
    form = RejectForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            batch_orders.reject(actor=actor, order_id=pk, reason=form.cleaned_data["reason"])
            messages.success(request, _("Not confirmed. Nothing is done by this batch order."))
            return redirect("console:batch-order", pk)
    return confirmation.page(request, form, _asking(actor, order, confirms=False))


def _asking(actor: Person, order: BatchOrder, *, confirms: bool) -> Confirmation:
    words = {"reference": order.reference, "name": order.asked_by}
    title = (
        _("Confirm the batch order %(reference)s?")
        if confirms
        else _("Reject the batch order %(reference)s?")
    )
    lead = _("%(name)s gave it. It starts at once.") if confirms else _("%(name)s gave it. It is cancelled.")
    return Confirmation(
        title=title % words,
        lead=lead % words,
        button=_("Confirm") if confirms else _("Do not confirm"),
        back=reverse("console:batch-order", args=[order.pk]),
        tab="batch_orders",
        obstacle=batch_orders.decision_obstacle(actor=actor, order=order),
    )
