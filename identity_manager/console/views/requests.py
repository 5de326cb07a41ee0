"""REQUESTS: the list, the page of one, and what an administrator does with it."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from identity_manager.console import (
    access,
    confirmation,
    refusals,
    request_list,
    request_page,
    saved_searches,
    searching,
    selection,
)
from identity_manager.console.confirmation import Confirmation
from identity_manager.console.forms import CancelForm, PressForm, RoundForm
from identity_manager.console.searching import Search
from identity_manager.models import TokenRequest
from identity_manager.ui.bidi import isolated
from identity_manager.workflow import rounds, side_roads


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    actor = access.request_reader(request)
    search = Search(request_list.REQUEST, actor, request.GET)
    context = searching.context(request, search) | {
        "tab": "requests",
        "actions": selection.actions(search),
        "saved": [
            each for each in saved_searches.of(actor, current=search.query) if each.kind is search.kind
        ],
    }
    return render(request, "identity_manager/requests.html", context, status=200 if search.is_valid else 422)


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = access.request_for_officer(request, pk)
    return request_page.response(request, access.officer(request), found)


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
        return request_page.response(request, actor, found, form=form)
    return confirmation.page(request, form, _cancelling(found))


def _cancelling(found: TokenRequest) -> Confirmation:
    return Confirmation(
        title=_("Cancel the request for %(person)s?") % {"person": isolated(found.person)},
        lead=_("It ends here and cannot be opened again. What was issued for it already is revoked."),
        button=_("Cancel the request"),
        back=reverse("console:request", args=[found.pk]),
    )


def retry(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = access.request_for_administrator(request, pk)
    actor = access.officer(request)
    form = PressForm(refusals.sent(request))
    if form.is_valid():
        with refusals.told_by(form):
            side_roads.retry(actor=actor, request_id=pk)
            messages.success(request, _("It is tried again, with new keys for what was refused."))
            return redirect("console:request", pk)
    return request_page.response(request, actor, found, form=form)


@require_POST
def send_round_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = access.request_for_administrator(request, pk)
    actor = access.officer(request)
    form = RoundForm(refusals.sent(request))
    if form.is_valid():
        with refusals.told_by(form):
            rounds.send_round_again(actor=actor, request_id=pk, **form.cleaned_data)
            messages.success(request, _("It is sent round again, with the present data. The person is told."))
            return redirect("console:request", pk)
    return request_page.response(request, actor, found, form=form)


def retry_now(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = access.request_for_administrator(request, pk)
    actor = access.officer(request)
    form = PressForm(refusals.sent(request))
    if form.is_valid():
        with refusals.told_by(form):
            side_roads.retry_now(actor=actor, request_id=pk)
            messages.success(request, _("What waited for its next try is tried now."))
            return redirect("console:request", pk)
    return request_page.response(request, actor, found, form=form)
