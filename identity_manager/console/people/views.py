"""The page of one person."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.console.access import offices, persons
from identity_manager.console.people import page as person_page


@require_safe
def person(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page of a person, for officers who may find persons of the unit."""
    found = persons.person_for_officer(request, pk)
    return render(
        request, "identity_manager/people/person.html", person_page.context(offices.officer(request), found)
    )
