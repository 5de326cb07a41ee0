"""Confirmation of manual revocations, at CAs without a revocation interface."""

import uuid
from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from identity_manager.console.access import offices, requests
from identity_manager.console.certificates import manual_revocations
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.requests import page as request_page
from identity_manager.models import Certificate, SurplusByHand
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.issuance import surplus
from identity_manager.workflow.revocation import revoke


def done(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Record that an operator revoked a certificate at the CA, as a Software Token Administrator."""
    found = requests.certificate_for_administrator(request, pk)
    verb = partial(revoke.done_by_hand, certificate_id=pk)
    return _done(request, found, verb, partial(revoke.by_hand_obstacle, found))


def surplus_done(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Record that an operator revoked a surplus certificate at the CA, as a Software Token Administrator."""
    found = manual_revocations.surplus_for_administrator(request, pk)
    verb = partial(surplus.done_by_hand, surplus_id=pk)
    return _done(request, found, verb, partial(surplus.by_hand_obstacle, found))


def _done(
    request: HttpRequest,
    found: Certificate | SurplusByHand,
    verb: Callable[..., object],
    obstacle: Callable[[], Reason | None],
) -> HttpResponse:
    actor = offices.officer(request)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            verb(actor=actor)
            messages.success(request, _("Noted: it is revoked."))
            return redirect("console:approvals")
    if refusals.concerns_the_page(form):
        return request_page.response(request, actor, found.token.request_id, form=form)
    return confirmation.page(request, form, _asking(found, obstacle()))


def _asking(found: Certificate | SurplusByHand, obstacle: Reason | None) -> Confirmation:
    facts = {"ca": found.profile.ca, "serial": found.serial, "subject": found.subject}
    return Confirmation(
        title=_("Is “%(certificate)s” revoked at its authority?") % {"certificate": found.profile.name},
        lead=_(
            "%(ca)s cannot be told to revoke. Revoke the certificate there first: serial number %(serial)s, "
            "%(subject)s. Nobody asks the authority whether you have: the audit log keeps your word."
        )
        % facts,
        button=_("It is revoked"),
        back=reverse("console:approvals"),
        obstacle=obstacle,
    )
