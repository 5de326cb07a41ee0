"""The erasure of a person: asked for by one Registration Officer, confirmed by another, or called off."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from identity_manager.account.sign_in import recent_sign_in_required
from identity_manager.console.access import audit as audit_access
from identity_manager.console.access import offices, persons
from identity_manager.console.forms import outcome, refusals
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.people import erasure_page
from identity_manager.models import Person
from identity_manager.people import erasure as erasing


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Say what an erasure does; a click asks for it."""
    person = persons.person_for_registration_officer(request, pk)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            erasing.ask(actor=offices.officer(request), person_id=pk)
            outcome.tell(request, person, _("Asked for. Another Registration Officer confirms it."))
            return redirect("console:person-erase", pk)
    return _page(request, person, form)


@require_POST
@recent_sign_in_required
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second officer agrees: there is nobody any more."""
    erasure = audit_access.erasure_for_registration_officer(request, pk)
    form = PressForm(request.POST)
    if form.is_valid():
        with refusals.show_refusal(form):
            erasing.confirm(actor=offices.officer(request), erasure_id=pk)
            messages.success(request, _("The person is erased."))
            return redirect("console:person", erasure.person_id)
    return _page(request, erasure.person, form)


@require_POST
def withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """It does not come to it."""
    erasure = audit_access.erasure_for_registration_officer(request, pk)
    form = PressForm(request.POST)
    if form.is_valid():
        with refusals.show_refusal(form):
            erasing.withdraw(actor=offices.officer(request), erasure_id=pk)
            outcome.tell(request, erasure.person, _("Called off. The person stays as they are."))
            return redirect("console:person", erasure.person_id)
    return _page(request, erasure.person, form)


def _page(request: HttpRequest, person: Person, form: PressForm) -> HttpResponse:
    context = erasure_page.context(offices.officer(request), person, form=form)
    return render(request, "identity_manager/people/erasure.html", context, status=refusals.status_of(form))
