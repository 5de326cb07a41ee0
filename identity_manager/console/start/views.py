"""START: what waits, what failed, what happened."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.console.access import offices
from identity_manager.console.start import dashboard


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """START, the dashboard: what waits for this officer."""
    actor = offices.officer(request)
    return render(request, "identity_manager/start/start.html", dashboard.context(request, actor))
