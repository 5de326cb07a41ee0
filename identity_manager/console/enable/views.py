"""Step 1, standard flow: the Enable form (PstmProcRequestInitialSoftwareToken)."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from identity_manager.console.access import offices, persons
from identity_manager.console.enable import page as enabling
from identity_manager.console.enable.forms import EnableForm
from identity_manager.console.forms import refusals
from identity_manager.ui.bidi import isolated
from identity_manager.workflow import step1_enable
from identity_manager.workflow.policy import eligibility


def enable(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Enable a person for token types: opens a request, as a Software Token Administrator of the unit."""
    person = persons.person_for_administrator(request, pk)
    actor = offices.officer(request)
    choices = eligibility.type_choices(person)
    checked = request.POST.getlist("types") or request.GET.getlist("types")
    form = EnableForm(refusals.post_data(request), choices=choices, initial={"types": checked})
    if form.is_valid():
        with refusals.show_refusal(form):
            types = [uuid.UUID(value) for value in form.cleaned_data["types"]]
            said = form.cleaned_data.get("purpose", "")
            opened = step1_enable.enable(actor=actor, person_id=pk, type_ids=types, purpose=said)
            messages.success(
                request, _("The request for %(person)s is opened.") % {"person": isolated(person)}
            )
            return redirect("console:request", opened.pk)
    page = enabling.EnablePage(actor, person, choices, checked)
    return render(request, page.template(request), page.context(form), status=refusals.status_of(form))
