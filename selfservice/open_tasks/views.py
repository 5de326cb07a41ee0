"""**Open Tasks**: terms to accept, passphrases to note, and what is under way."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.people.identity import identity_change_policy
from identity_manager.queries import selfservice_pages
from identity_manager.ui.context import portal_of
from selfservice import access
from selfservice.open_tasks import page as tasks


@require_safe
def open_tasks(request: HttpRequest) -> HttpResponse:
    """List what waits for the person."""
    person = access.user(request)
    found = tasks.of(person, portal_of(request).waiting)
    context = {
        "tab": "open_tasks",
        "waiting": found.waiting,
        "under_way": found.under_way,
        "frozen": identity_change_policy.waiting_for(person),
        "lapsed": tasks.lapsed(person, selfservice_pages.possessions(person.pk)),
    }
    return render(request, "selfservice/open_tasks/open_tasks.html", context)
