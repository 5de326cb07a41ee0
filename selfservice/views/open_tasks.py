"""**Open Tasks**: terms to accept, passphrases to note, and what is under way."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.people.identity import identity_change_policy
from selfservice import access
from selfservice import open_tasks as tasks


@require_safe
def open_tasks(request: HttpRequest) -> HttpResponse:
    """List what waits for the person."""
    person = access.user(request)
    found = tasks.of(person)
    context = {
        "tab": "open_tasks",
        "waiting": found.waiting,
        "under_way": found.under_way,
        "frozen": identity_change_policy.waiting_for(person),
        "lapsed": tasks.lapsed(person),
    }
    return render(request, "selfservice/open_tasks.html", context)
