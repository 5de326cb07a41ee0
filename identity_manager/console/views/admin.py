"""ADMIN: how the installation is set up, to be read."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from identity_manager.console import access, installation
from identity_manager.models import TermsVersion, TokenType


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    actor = access.system_reader(request)
    return render(request, "identity_manager/admin.html", installation.context(actor))


@require_safe
def token_type(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    access.catalogue_reader(request)
    found = get_object_or_404(TokenType.objects.select_related("terms"), pk=pk)
    return render(request, "identity_manager/token_type.html", installation.token_type_context(found))


@require_safe
def terms(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    access.catalogue_reader(request)
    found = get_object_or_404(TermsVersion.objects.select_related("document"), pk=pk)
    return render(request, "identity_manager/terms.html", installation.terms_context(found))
