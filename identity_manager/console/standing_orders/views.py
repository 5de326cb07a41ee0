"""STANDING ORDERS: make one, put it in force or not, pause it, have it go on, end it."""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.console.access import standing_orders as access
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.standing_orders import page
from identity_manager.console.standing_orders.forms import ConfirmForm, RejectForm, StandingOrderForm
from identity_manager.models import StandingOrder
from identity_manager.models.words import Words
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.standing_orders import orders

TEMPLATES = "identity_manager/standing_orders"


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Every standing order, with what it counted last."""
    actor = access.reader(request)
    context = {
        "tab": "batch_orders",
        "rows": page.listing(),
        "keeps": eligibility.administers_everywhere(actor),
    }
    return render(request, f"{TEMPLATES}/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def make(request: HttpRequest) -> HttpResponse:
    """Say who has which type; the dry run begins."""
    actor = access.keeper(request)
    form = StandingOrderForm(refusals.post_data(request), actor=actor)
    if form.is_valid():
        with refusals.show_refusal(form):
            order = orders.make(actor=actor, wanted=form.wanted)
            messages.success(request, _("The dry run has begun. Then another officer puts it in force."))
            return redirect("console:standing-order", order.pk)
    context = {"tab": "batch_orders", "form": form}
    return render(request, f"{TEMPLATES}/new.html", context, status=refusals.status_of(form))


@require_safe
@never_cache
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A standing order with its counts and runs, for Software Token Administrators and Auditors."""
    return _page(request, pk, PressForm())


@require_POST
def put_in_force(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second officer agrees to the dry run that the form carries along."""
    actor, _order = access.order_for_keeper(request, pk)
    act = Act(
        verb=partial(orders.put_in_force, actor=actor, order_id=pk),
        done=lambda _order: _("In force. Who is a member has a request within minutes."),
        back=reverse("console:standing-order", args=[pk]),
        page=partial(_page, request, pk),
    )
    return respond(request, ConfirmForm(request.POST), act)


@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second officer does not agree: the order ends, with the reason."""
    actor, order = access.order_for_keeper(request, pk)
    act = Act(
        verb=partial(orders.reject, actor=actor, order_id=pk),
        done=lambda _order: _("Not put in force. The standing order has ended."),
        back=reverse("console:standing-order", args=[pk]),
        ask=lambda: _rejecting(order, orders.decision_obstacle(actor=actor, order=order)),
    )
    return respond(request, RejectForm(refusals.post_data(request)), act)


@require_POST
def pause(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Pause a standing order, as a Software Token Administrator who keeps it."""
    words = gettext_lazy("Paused. Nobody gets or loses anything until it goes on.")
    return _press(request, pk, orders.pause, words)


@require_POST
def resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Resume a standing order, as a Software Token Administrator who keeps it."""
    return _press(request, pk, orders.resume, gettext_lazy("It goes on."))


@require_POST
def ask_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A stopped order is counted anew; then another officer decides."""
    words = gettext_lazy("The dry run is made anew. Then another officer puts it in force.")
    return _press(request, pk, orders.ask_again, words)


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Everybody keeps what they have; asked for on a page of its own."""
    actor, order = access.order_for_keeper(request, pk)
    act = Act(
        verb=partial(orders.end, actor=actor, order_id=pk),
        done=lambda _order: _("Ended. Everybody keeps what they have."),
        back=reverse("console:standing-order", args=[pk]),
        ask=lambda: _ending(order),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


def _press(request: HttpRequest, pk: uuid.UUID, verb: Callable[..., Any], words: Words) -> HttpResponse:
    actor, _order = access.order_for_keeper(request, pk)
    act = Act(
        verb=partial(verb, actor=actor, order_id=pk),
        done=lambda _order: words,
        back=reverse("console:standing-order", args=[pk]),
        page=partial(_page, request, pk),
    )
    return respond(request, PressForm(request.POST), act)


def _page(request: HttpRequest, pk: uuid.UUID, form: VerbForm) -> HttpResponse:
    """The present state, read again after a refusal."""
    actor, order = access.order_for_reader(request, pk)
    context = page.context(actor, order, form, asked=request.GET.dict())
    return render(request, f"{TEMPLATES}/order.html", context, status=refusals.status_of(form))


def _rejecting(order: StandingOrder, obstacle: Any) -> Confirmation:
    return Confirmation(
        title=_("Do not put %(name)s in force?") % {"name": order.name},
        lead=_("The standing order ends. Nobody gets or loses anything by it."),
        button=_("Do not put it in force"),
        back=reverse("console:standing-order", args=[order.pk]),
        tab="batch_orders",
        obstacle=obstacle,
    )


def _ending(order: StandingOrder) -> Confirmation:
    return Confirmation(
        title=_("End the standing order %(name)s?") % {"name": order.name},
        lead=_("Everybody keeps what they have. Nobody gets or loses anything by it any more, for good."),
        button=_("End the standing order"),
        back=reverse("console:standing-order", args=[order.pk]),
        tab="batch_orders",
        obstacle=orders.ending_obstacle(order),
    )
