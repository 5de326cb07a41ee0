"""The person's first page: what waits, and what they can do."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.queries import selfservice_pages
from identity_manager.ui.context import portal_of
from selfservice import access
from selfservice.open_tasks import page as open_tasks


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Greet by name, lead to what waits, offer the rest."""
    person = access.user(request)
    kinds = portal_of(request).waiting
    tasks, possessions = open_tasks.of(person, kinds), selfservice_pages.possessions(person.pk)
    context = {
        "tab": "dashboard",
        "person": person,
        "waiting": tasks.waiting,
        "waiting_line": " · ".join(task.title for task in tasks.waiting),
        "under_way": tasks.under_way,
        "lapsed": open_tasks.lapsed(person, possessions),
        "replaceable": selfservice_pages.IN_USE in possessions,
        "recoverable": selfservice_pages.ARCHIVED in possessions,
        "renewals": selfservice_pages.RENEWAL in kinds,
    }
    return render(request, "selfservice/dashboard/dashboard.html", context)
