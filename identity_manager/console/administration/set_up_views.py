"""ADMIN, First set-up: what is there, what is missing, and where to go on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.console.access.offices import officer
from identity_manager.console.administration import set_up_page
from identity_manager.models import Role


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Checklist of the first set-up, for System Administrators."""
    actor = officer(request, Role.SYSTEM_ADMINISTRATOR)
    context = set_up_page.context(actor)
    return render(request, "identity_manager/administration/first_set_up.html", context)
