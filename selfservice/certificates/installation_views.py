"""**I have installed it**: the person confirms the installation on a device, or takes that back."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from identity_manager.workflow.delivery import installation
from selfservice import access
from selfservice.certificates.forms import InstalledForm, TakeBackForm
from selfservice.certificates.views import token_page


@require_POST
def installed(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """Confirm the installation on one more device."""
    token = access.own_token(request, token_id)
    form = InstalledForm(request.POST)
    row = form.perform(
        lambda: installation.confirm(
            actor=token.person, token_id=token.pk, device=form.cleaned_data["device"]
        )
    )
    if row is None:
        return token_page(request, access.own_token(request, token_id), installed_form=form)
    words = _("Noted: %(type)s is installed on this device: %(device)s.")
    messages.success(request, words % {"type": token, "device": row})
    return redirect(reverse("selfservice:token", args=[token.pk]) + "#installed")


@require_POST
def take_back(request: HttpRequest, token_id: uuid.UUID, installation_id: uuid.UUID) -> HttpResponse:
    """Take back the confirmation for one device."""
    token = access.own_token(request, token_id)
    form = TakeBackForm(request.POST)
    verb = installation.take_back
    done = form.perform(lambda: verb(actor=token.person, token_id=token.pk, installation_id=installation_id))
    if done is None:
        return token_page(request, access.own_token(request, token_id), installed_form=form)
    messages.success(request, _("Taken back."))
    return redirect(reverse("selfservice:token", args=[token.pk]) + "#installed")
