"""Print what is kept about a person: a Registration Officer of their unit, after a fresh second factor."""

import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from identity_manager.account.sign_in import fresh_second_factor_required
from identity_manager.console.access import offices, persons
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.people.data_protection import data_page
from identity_manager.console.print import document as printed
from identity_manager.models import Person
from identity_manager.people import data_access
from identity_manager.ui.bidi import isolated


@require_http_methods(["GET", "HEAD", "POST"])
def print_data(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Say what is printed; the POST prints it, which is audited."""
    person = persons.person_for_registration_officer(request, pk)
    if request.method == "POST":
        return _print(request, person)
    return confirmation.page(request, PressForm(), _asking(person))


@fresh_second_factor_required
def _print(request: HttpRequest, person: Person) -> HttpResponse:
    actor, form = offices.officer(request), PressForm(request.POST)
    if form.is_valid():
        with refusals.show_refusal(form):
            taken = data_access.record_access_request(actor=actor, person_id=person.pk)
            return printed.response(request, data_page.document(actor, taken))
    return confirmation.page(request, form, _asking(person))


def _asking(person: Person) -> Confirmation:
    return Confirmation(
        title=_("Print what is kept about %(person)s?") % {"person": isolated(person)},
        lead=_(
            "For an access request under data protection law: record, roles, requests, tokens, certificates,"
            " mails, audit log and when what is deleted, on one page. Make sure who asks you. It is audited."
        ),
        button=_("Print"),
        back=reverse("console:person", args=[person.pk]),
        tab="search",
        dangerous=False,
        obstacle=data_access.obstacle(person),
    )
