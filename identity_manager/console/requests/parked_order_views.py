"""Decisions of an administrator on parked orders, whose outcome at the CA is unknown."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from identity_manager.console.access import offices, requests
from identity_manager.console.forms import confirmation, outcome, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.requests import page as request_page
from identity_manager.console.requests.forms import GiveUpForm
from identity_manager.models import Certificate
from identity_manager.workflow.issuance import parked_orders


def ask_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Send a parked order to its CA again, as a Software Token Administrator of the person's unit."""
    found = requests.certificate_for_administrator(request, pk)
    actor = offices.officer(request)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            parked_orders.ask_again(actor=actor, certificate_id=pk)
            outcome.tell(
                request, found.token, _("The certificate authority is asked again, with the same key.")
            )
            return redirect("console:request", found.token.request_id)
    if refusals.concerns_the_page(form):
        return request_page.response(request, actor, found.token.request_id, form=form)
    return confirmation.page(request, form, _asking(found))


def give_up(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Give a parked order up, with a reason, as a Software Token Administrator of the person's unit."""
    found = requests.certificate_for_administrator(request, pk)
    actor = offices.officer(request)
    form = GiveUpForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            parked_orders.give_up(actor=actor, certificate_id=pk, reason=form.cleaned_data["reason"])
            outcome.tell(request, found.token, _("The order is given up. What turns up later is revoked."))
            return redirect("console:request", found.token.request_id)
    if refusals.concerns_the_page(form):
        return request_page.response(request, actor, found.token.request_id, form=form)
    return confirmation.page(request, form, _giving_up(found))


def _asking(found: Certificate) -> Confirmation:
    return Confirmation(
        title=_("Ask for “%(certificate)s” again?") % {"certificate": found.profile.name},
        lead=_(
            "If it was issued all the same, there are two certificates for one key: the second one counts, "
            "and the first one has to be revoked at the certificate authority, by hand where it cannot be "
            "searched."
        ),
        button=_("Ask again"),
        back=reverse("console:request", args=[found.token.request_id]),
        obstacle=parked_orders.obstacle(found) or parked_orders.asking_obstacle(found),
    )


def _giving_up(found: Certificate) -> Confirmation:
    return Confirmation(
        title=_("Give “%(certificate)s” up?") % {"certificate": found.profile.name},
        lead=_(
            "Its key is erased and the request fails; it can be retried with a new key. What was issued has "
            "to be revoked at the certificate authority, by hand where it cannot be searched."
        ),
        button=_("Give up"),
        back=reverse("console:request", args=[found.token.request_id]),
        obstacle=parked_orders.obstacle(found),
    )
