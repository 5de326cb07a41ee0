"""START: what waits, what failed, what happened."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.console import access, desk


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    actor = access.officer(request)
    return render(request, "identity_manager/start/start.html", desk.context(actor))
