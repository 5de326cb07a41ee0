"""Views of Deactivate, Activate and Lock: a confirmation page and one button."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ca_bridge.contract import RevocationReason
from identity_manager.console.access import offices, persons
from identity_manager.console.forms import outcome, refusals
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people import leave_page
from identity_manager.console.people.forms import LeaveForm, LockForm
from identity_manager.console.people.leave_page import LeaveAction
from identity_manager.workflow.people import leave_and_return

PAGE = require_http_methods(["GET", "HEAD", "POST"])


@PAGE
def deactivate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Set the person Inactive (leave)."""
    person = persons.person_for_registration_officer(request, pk)
    form = LeaveForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            reason = form.cleaned_data["reason"]
            leave_and_return.deactivate(actor=offices.officer(request), person_id=pk, reason=reason)
            done = _("Deactivated. What was in use is on hold, what was under way waits.")
            outcome.tell(request, person, done)
            return redirect("console:person", pk)
    return _page(request, pk, leave_page.DEACTIVATE, form)


@PAGE
def activate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Set the person Active."""
    person = persons.person_for_registration_officer(request, pk)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            leave_and_return.activate(actor=offices.officer(request), person_id=pk)
            outcome.tell(request, person, _("Activated. What this leave put on hold comes back."))
            return redirect("console:person", pk)
    return _page(request, pk, leave_page.ACTIVATE, form)


@PAGE
def lock(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Set the person Locked: they have left for good."""
    person = persons.person_for_registration_officer(request, pk)
    form = LockForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            reason = RevocationReason(form.cleaned_data["reason"])
            locked = leave_and_return.lock(actor=offices.officer(request), person_id=pk, reason=reason)
            outcome.tell(request, person, leave_page.locked_words(locked))
            return redirect("console:person", pk)
    return _page(request, pk, leave_page.LOCK, form)


def _page(request: HttpRequest, pk: uuid.UUID, step: LeaveAction, form: VerbForm) -> HttpResponse:
    """The page, read again, because the person may have changed since a refusal."""
    person = persons.person_for_registration_officer(request, pk)
    context = leave_page.context(offices.officer(request), person, step=step, form=form)
    return render(request, "identity_manager/people/leaving.html", context, status=refusals.status_of(form))
