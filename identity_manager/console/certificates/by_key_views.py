"""**Revoke by public key**: name the key, read what has it, revoke all of it."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ca_bridge.x509 import public_keys
from identity_manager.console.access import requests
from identity_manager.console.certificates import by_key_page
from identity_manager.console.certificates.by_key_page import KeyForm, RevokeByKeyForm
from identity_manager.console.forms import refusals
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import by_public_key


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """Name the key; the POST leads to the list of what has it."""
    actor = requests.key_revoker(request)
    form = KeyForm(refusals.post_data(request), request.FILES or None, actor=actor)
    if form.is_valid():
        return redirect("console:revoke-key", form.cleaned_data["public_key"])
    status = refusals.UNPROCESSABLE if form.is_bound else 200
    context = {"form": form, "tab": "search"}
    return render(request, "identity_manager/certificates/choose_key.html", context, status=status)


@require_safe
def of_certificate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Lead from a certificate to what else has its key."""
    found = requests.certificate_for_administrator(request, pk)
    key = requests.public_key_of(found)
    return redirect("console:revoke-key", key) if key else redirect("console:revoke-by-key")


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, public_key: str) -> HttpResponse:
    """Show what has the key; the POST revokes it, if it is what was shown."""
    actor = requests.key_revoker(request)
    if public_keys.fingerprint(public_key.encode()) != public_key:
        raise Http404
    use = by_public_key.use_of(actor=actor, public_key=public_key)
    form = RevokeByKeyForm(refusals.post_data(request), use=use)
    if form.is_valid():
        with refusals.show_refusal(form):
            by_public_key.revoke_by_public_key(actor=actor, public_key=public_key, **refusals.content(form))
            messages.success(request, _("Revoked. The certificate authorities are told now."))
            return redirect("console:revoke-key", public_key)
    use = by_public_key.use_of(actor=actor, public_key=public_key)
    context = by_key_page.context(use, form, is_unlimited=eligibility.administers_everywhere(actor))
    status = refusals.status_of(form)
    return render(request, "identity_manager/certificates/revoke_key.html", context, status=status)
