"""Read-only pages of ADMIN: the settings of the installation."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.console.access import offices
from identity_manager.console.administration import sections


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The tab ADMIN: the sections that the officer's roles may open."""
    actor = offices.system_reader(request)
    context = {"tab": "admin", "sections": sections.sections_for(actor)}
    return render(request, "identity_manager/administration/overview.html", context)
