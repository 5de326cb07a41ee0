"""**It did not arrive**: the person reports a missing file of a mail, or that it has arrived after all."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from identity_manager.workflow.delivery import arrival
from selfservice import access
from selfservice.certificates.forms import ArrivedForm, NotArrivedForm
from selfservice.certificates.views import token_page


@require_POST
def not_arrived(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """Report that the mail did not arrive, or arrived without the file."""
    token = access.own_token(request, token_id)
    form = NotArrivedForm(request.POST)
    verb = arrival.say
    done = form.perform(lambda: verb(actor=token.person, token_id=token.pk, kind=form.cleaned_data["kind"]))
    if done is None:
        return token_page(request, access.own_token(request, token_id), arrival_form=form)
    messages.success(
        request, _("A Software Token Administrator looks at it. What becomes of it stands here.")
    )
    return redirect(reverse("selfservice:token", args=[token.pk]) + "#arrival")


@require_POST
def arrived(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """Withdraw the report: the file has arrived."""
    token = access.own_token(request, token_id)
    form = ArrivedForm(request.POST)
    done = form.perform(lambda: arrival.arrived(actor=token.person, token_id=token.pk))
    if done is None:
        return token_page(request, access.own_token(request, token_id), arrival_form=form)
    messages.success(request, _("Good: nobody has to do anything any more."))
    return redirect(reverse("selfservice:token", args=[token.pk]) + "#arrival")
