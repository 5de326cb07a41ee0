"""**Certificates**: the person's tokens and what is in them, **Lock** and **Send the file again**."""

import uuid

from cryptography.hazmat.primitives.serialization import Encoding
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ca_bridge.x509.certificates import load
from identity_manager.mail import install
from identity_manager.models import Certificate, SoftwareToken
from identity_manager.people.identity.email_addresses import readable
from identity_manager.queries import selfservice_pages
from identity_manager.workflow.delivery import resending
from selfservice import access
from selfservice.certificates import page, token_details
from selfservice.certificates.forms import InstalledForm, NotArrivedForm, SendAgainForm

MEDIA_TYPES = {"pem": "application/x-pem-file", "der": "application/pkix-cert"}
ENCODINGS = {"pem": Encoding.PEM, "der": Encoding.DER}


@require_safe
def certificates(request: HttpRequest) -> HttpResponse:
    """List the person's tokens, those in use first."""
    tokens = selfservice_pages.tokens_handed_out(access.user(request).pk)
    cards = [token_details.token_card(row) for row in tokens]
    context = {
        "tab": "certificates",
        "in_use": [card for card in cards if card.in_use],
        "ended": [card for card in cards if not card.in_use],
    }
    return render(request, "selfservice/certificates/certificates.html", context)


@require_safe
def token(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """One token: certificates, files, and how to install them on the chosen device."""
    row = access.own_token(request, token_id)
    form = SendAgainForm(initial={"device": request.GET.get("device", "")})
    return token_page(request, row, device=install.device(request.GET.get("device", "")), form=form)


@require_POST
def send_again(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """**Send the file again**, in the format that the chosen device reads."""
    row = access.own_token(request, token_id)
    form = SendAgainForm(request.POST)
    mail = form.perform(
        lambda: resending.send_again(
            actor=row.person, token_id=row.pk, container_format=form.container_format
        )
    )
    device = install.device(request.POST.get("device", ""))
    if mail is None:
        return token_page(request, access.own_token(request, token_id), device=device, form=form)
    if mail.carries_files:
        sent = _("The file is on its way to %(address)s.")
    else:
        sent = _("A mail that leads to the file is on its way to %(address)s.")
    messages.success(request, sent % {"address": readable(mail.to_address)})
    address = reverse("selfservice:token", args=[row.pk])
    return redirect(f"{address}?device={form.cleaned_data['device']}#install")


@require_safe
def certificate_file(request: HttpRequest, certificate_id: uuid.UUID, encoding: str) -> HttpResponse:
    """A public certificate, in PEM or DER."""
    row = access.own_certificate(request, certificate_id)
    if encoding not in ENCODINGS:
        raise Http404
    content = load(row.certificate or b"").public_bytes(ENCODINGS[encoding])
    return _download(content, _file_name(row, encoding), MEDIA_TYPES[encoding])


@require_safe
def chain(request: HttpRequest, certificate_id: uuid.UUID) -> HttpResponse:
    """The issuers of a certificate in PEM, nearest first."""
    row = access.own_certificate(request, certificate_id)
    content = b"".join(load(issuer).public_bytes(Encoding.PEM) for issuer in row.chain)
    return _download(content, _file_name(row, "chain.pem"), MEDIA_TYPES["pem"])


def token_page(
    request: HttpRequest,
    row: SoftwareToken,
    *,
    device: install.Device | None = None,
    form: SendAgainForm | None = None,
    installed_form: InstalledForm | None = None,
    arrival_form: NotArrivedForm | None = None,
) -> HttpResponse:
    """The page of one token, with the form that was refused, if any."""
    context = page.context(
        row, device=device, form=form, installed_form=installed_form, arrival_form=arrival_form
    )
    status = (installed_form or arrival_form or context["form"]).status
    return render(request, "selfservice/certificates/token.html", context, status=status)


def _file_name(row: Certificate, suffix: str) -> str:
    separator = "-" if suffix == "chain.pem" else "."
    return f"{row.profile.code}-{row.serial[-8:].lower()}{separator}{suffix}"


def _download(content: bytes, name: str, media_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
