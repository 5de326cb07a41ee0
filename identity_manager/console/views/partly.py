"""Part of a request was refused: give the rest, or have it revoked."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from identity_manager.console import access, confirmation, refusals, request_page
from identity_manager.console.confirmation import Confirmation
from identity_manager.console.forms import CancelForm
from identity_manager.models import TokenRequest
from identity_manager.ui.bidi import isolated
from identity_manager.workflow import partly


def give_rest(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = access.request_for_administrator(request, pk)
    actor = access.officer(request)
    form = CancelForm(refusals.sent(request))
    if form.is_valid():
        with refusals.told_by(form):
            partly.give_rest(actor=actor, request_id=pk, reason=form.cleaned_data["reason"])
            messages.success(request, _("The rest is given, without what was refused."))
            return redirect("console:request", pk)
    if refusals.concerns_the_page(form):
        return request_page.response(request, actor, found, form=form)
    return confirmation.page(request, form, _giving(found))


def revoke_rest(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = access.request_for_administrator(request, pk)
    actor = access.officer(request)
    form = CancelForm(refusals.sent(request))
    if form.is_valid():
        with refusals.told_by(form):
            partly.revoke_rest(actor=actor, request_id=pk, reason=form.cleaned_data["reason"])
            messages.success(request, _("The rest is revoked, and the request is cancelled."))
            return redirect("console:request", pk)
    if refusals.concerns_the_page(form):
        return request_page.response(request, actor, found, form=form)
    return confirmation.page(request, form, _revoking(found))


def _giving(found: TokenRequest) -> Confirmation:
    return Confirmation(
        title=_("Give the rest to %(person)s?") % {"person": isolated(found.person)},
        lead=_(
            "What was refused is left out for good, and the rest goes on. Whoever needs what was left out "
            "asks for it anew."
        ),
        button=_("Give the rest"),
        back=reverse("console:request", args=[found.pk]),
    )


def _revoking(found: TokenRequest) -> Confirmation:
    return Confirmation(
        title=_("Revoke the rest of what %(person)s was to get?") % {"person": isolated(found.person)},
        lead=_(
            "What was issued for this request is revoked, also what is in use already, and the request is "
            "cancelled. The person is told."
        ),
        button=_("Revoke the rest"),
        back=reverse("console:request", args=[found.pk]),
    )
