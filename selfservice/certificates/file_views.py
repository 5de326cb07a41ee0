"""The guarded download: the files of a token, where mail does not bring them."""

import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from ca_bridge.pkcs12.apple_profile import MEDIA_TYPE
from identity_manager.account.sign_in import fresh_second_factor_required, signed_in_at
from identity_manager.mail import install
from identity_manager.mail.sending import CONTAINER_TYPE
from identity_manager.models import SoftwareToken
from identity_manager.workflow.delivery import channel_separation, download
from selfservice import access
from selfservice.certificates import token_details
from selfservice.certificates.forms import FetchForm, FetchProfileForm


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(no_store=True, private=True)
@fresh_second_factor_required
def files(request: HttpRequest, token_id: uuid.UUID) -> HttpResponseBase:
    """Offer the files for download. A file is the response to a POST, so that no URL leads to it."""
    token = access.own_token(request, token_id)
    if "device" in request.POST:
        return _profile(request, token)
    form = FetchForm(request.POST if request.method == "POST" else None, token=token)
    moment = signed_in_at(request)
    container = form.perform(
        lambda: download.fetch(actor=token.person, container_id=form.container_id, signed_in_at=moment)
    )
    if container is not None:
        return _file(container.file_name, container.content, CONTAINER_TYPE)
    return _page(request, access.own_token(request, token_id), form=form)


def _profile(request: HttpRequest, token: SoftwareToken) -> HttpResponse:
    """The same files in one configuration profile, for devices of Apple."""
    form, moment = FetchProfileForm(request.POST), signed_in_at(request)
    profile = form.perform(
        lambda: download.fetch_profile(
            actor=token.person, token_id=token.pk, device=form.chosen, signed_in_at=moment
        )
    )
    if profile is not None:
        return _file(profile.file_name, profile.content, MEDIA_TYPE)
    return _page(request, access.own_token(request, token.pk), form=form)


def _file(name: str, content: bytes, media_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    disposition = content_disposition_header(as_attachment=True, filename=name)
    response["Content-Disposition"] = disposition or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _page(request: HttpRequest, token: SoftwareToken, *, form: FetchForm | FetchProfileForm) -> HttpResponse:
    device = install.device(request.POST.get("device") or request.GET.get("device", ""))
    container_format = device.container_format.value if device else install.format_of(token)
    context = {
        "tab": "certificates",
        "token": token,
        "form": form,
        "device": install.for_token(device, token) if device else None,
        "devices": token_details.devices(token, device, page="selfservice:files"),
        **token_details.profile(token, device),
        "files": token_details.files(token, container_format) + token_details.fips_files(token, device),
        "obstacle": download.fetch_obstacle(token),
        "gone": download.GONE,
        "not_yet": channel_separation.file_obstacle(token.person, signed_in_at=signed_in_at(request)),
    }
    return render(request, "selfservice/certificates/files.html", context, status=form.status)
