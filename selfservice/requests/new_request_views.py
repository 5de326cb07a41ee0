"""**Request softtoken**: step 1 of the option, PstmProcRequestInitialSofttokenUSSP of Nexus."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from identity_manager.models import RequestState
from identity_manager.workflow import step1_request
from identity_manager.workflow.policy import eligibility
from selfservice import access
from selfservice.requests import type_choices
from selfservice.requests.forms import RequestForm


@require_http_methods(["GET", "HEAD", "POST"])
def request_softtoken(request: HttpRequest) -> HttpResponse:
    """Ask for the checked types."""
    person = access.user(request)
    form = RequestForm(
        request.POST if request.method == "POST" else None,
        person=person,
        initial={"types": type_choices.ids_of(person, request.GET.getlist("type"))},
    )
    made = form.perform(
        lambda: step1_request.request(actor=person, type_ids=form.type_ids, purpose=form.purpose_said)
    )
    if made is not None and made.state == RequestState.AWAITING_ACCEPTANCE:
        messages.success(request, _("Nobody has to approve this. Read and accept the terms now, or later."))
        return redirect("selfservice:terms", made.pk)
    if made is not None:
        messages.success(request, _("You have asked. Somebody decides on it, and you get a mail then."))
        return redirect("selfservice:requests")
    obstacle = eligibility.person_obstacle(person)
    context = {"tab": "dashboard", "form": form, "obstacle": obstacle.to_its_person if obstacle else ""}
    return render(request, "selfservice/requests/request_softtoken.html", context, status=form.status)


@require_safe
def ask_again(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Lead to **Request softtoken**, with what this request asked for checked."""
    row = access.own_request(request, request_id)
    chosen = urlencode({"type": type_choices.asked_for(row)}, doseq=True)
    return redirect(f"{reverse('selfservice:request-softtoken')}?{chosen}")
