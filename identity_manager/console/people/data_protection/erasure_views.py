"""Views of the erasure of a person: a Registration Officer asks, another one confirms, either withdraws."""

import uuid
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from identity_manager.account.sign_in import recent_sign_in_required
from identity_manager.console.access import audit as audit_access
from identity_manager.console.access import offices, persons
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people.data_protection import erasure_page
from identity_manager.models import Person
from identity_manager.people import erasure as erasing


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show what an erasure does; the POST asks a second officer for it."""
    person = persons.person_for_registration_officer(request, pk)
    act = Act(
        verb=partial(erasing.ask, actor=offices.officer(request), person_id=pk),
        done=lambda _erasure: _("Asked for. Another Registration Officer confirms it."),
        back=reverse("console:person-erase", args=[pk]),
        page=partial(_page, request, person),
        about=person,
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_POST
@recent_sign_in_required
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second officer confirms: the person is erased."""
    erasure = audit_access.erasure_for_registration_officer(request, pk)
    act = Act(
        verb=partial(erasing.confirm, actor=offices.officer(request), erasure_id=pk),
        done=lambda _erasure: _("The person is erased."),
        back=reverse("console:person", args=[erasure.person_id]),
        page=partial(_page, request, erasure.person),
    )
    return respond(request, PressForm(request.POST), act)


@require_POST
def withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Withdraw the erasure."""
    erasure = audit_access.erasure_for_registration_officer(request, pk)
    act = Act(
        verb=partial(erasing.withdraw, actor=offices.officer(request), erasure_id=pk),
        done=lambda _erasure: _("Called off. The person stays as they are."),
        back=reverse("console:person", args=[erasure.person_id]),
        page=partial(_page, request, erasure.person),
        about=erasure.person,
    )
    return respond(request, PressForm(request.POST), act)


def _page(request: HttpRequest, person: Person, form: VerbForm) -> HttpResponse:
    context = erasure_page.context(offices.officer(request), person, form=form)
    return render(request, "identity_manager/people/erasure.html", context, status=refusals.status_of(form))
