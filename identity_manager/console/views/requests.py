"""REQUESTS: the list, the page of one, and what an administrator does with it."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from identity_manager.console import access, confirmation, refusals, request_list, request_page
from identity_manager.console.confirmation import Confirmation
from identity_manager.console.forms import CancelForm, PressForm
from identity_manager.models import TokenRequest
from identity_manager.workflow import side_roads


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    actor = access.request_reader(request)
    return render(request, "identity_manager/requests.html", request_list.context(request, actor))


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = access.request_for_officer(request, pk)
    return request_page.response(request, access.officer(request), found.pk)


def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = access.request_for_administrator(request, pk)
    actor = access.officer(request)
    form = CancelForm(refusals.sent(request))
    if form.is_valid():
        with refusals.told_by(form):
            side_roads.cancel(actor=actor, request_id=pk, reason=form.cleaned_data["reason"])
            messages.success(request, _("The request is cancelled."))
            return redirect("console:request", pk)
    if refusals.concerns_the_page(form):
        return request_page.response(request, actor, pk, form=form)
    return confirmation.page(request, form, _cancelling(found))


def _cancelling(found: TokenRequest) -> Confirmation:
    return Confirmation(
        title=_("Cancel the request for %(person)s?") % {"person": found.person},
        lead=_("It ends here and cannot be opened again. What was issued for it already is revoked."),
        button=_("Cancel the request"),
        back=reverse("console:request", args=[found.pk]),
    )


def retry(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    access.request_for_administrator(request, pk)
    actor = access.officer(request)
    form = PressForm(refusals.sent(request))
    if form.is_valid():
        with refusals.told_by(form):
            side_roads.retry(actor=actor, request_id=pk)
            messages.success(request, _("It is tried again, with new keys for what was refused."))
            return redirect("console:request", pk)
    return request_page.response(request, actor, pk, form=form)


def retry_now(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    access.request_for_administrator(request, pk)
    actor = access.officer(request)
    form = PressForm(refusals.sent(request))
    if form.is_valid():
        with refusals.told_by(form):
            side_roads.retry_now(actor=actor, request_id=pk)
            messages.success(request, _("What waited for its next try is tried now."))
            return redirect("console:request", pk)
    return request_page.response(request, actor, pk, form=form)
