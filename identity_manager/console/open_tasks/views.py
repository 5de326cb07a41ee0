"""**OPEN TASKS** of an officer."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.console.access import offices
from identity_manager.console.open_tasks import page


@require_safe
def open_tasks(request: HttpRequest) -> HttpResponse:
    """Page of all tasks that this officer may decide or has to do."""
    actor = offices.officer(request)
    return render(request, "identity_manager/open_tasks/open_tasks.html", page.context(request, actor))
