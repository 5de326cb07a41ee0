"""Views of the record of a person: create and edit."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from identity_manager.console.access import offices
from identity_manager.console.access import persons as access_persons
from identity_manager.console.forms import refusals
from identity_manager.console.people import forms as person_forms
from identity_manager.console.people.forms import EditPersonForm, NewPersonForm
from identity_manager.models import Person, Role
from identity_manager.people import persons, registration_policy
from identity_manager.people.identity import identity_change_policy
from identity_manager.people.persons import Edited

TEMPLATE = "identity_manager/people/record.html"


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Create a person."""
    actor = offices.officer(request, Role.REGISTRATION_OFFICER)
    form = NewPersonForm(refusals.post_data(request), initial=person_forms.for_a_new_person(actor))
    if form.is_valid():
        with refusals.show_refusal(form):
            made = persons.enter(actor=actor, values=form.given(), active=form.cleaned_data["active"])
            messages.success(request, _entered(made))
            return redirect("console:person", made.pk)
    return render(request, TEMPLATE, {"tab": "search", "form": form}, status=refusals.status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Edit the record. Where the page is outdated, it shows the differences and keeps the input."""
    person = access_persons.person_for_registration_officer(request, pk)
    actor = offices.officer(request)
    initial = {**person_forms.present(person), "version": person.version}
    form = EditPersonForm(refusals.post_data(request), person=person, initial=initial)
    if form.is_valid():
        with refusals.show_refusal(form):
            version = form.cleaned_data["version"]
            edited = persons.edit(actor=actor, person_id=pk, version=version, values=form.values)
            messages.success(request, _what_happened(edited))
            return redirect("console:person", pk)
    return _editing(request, actor, person, form)


def _entered(made: Person) -> str:
    words = _("%(person)s is entered.") % {"person": made}
    waiting = identity_change_policy.waiting_for(made)
    if waiting is None:
        return words
    waits = _("Another Registration Officer confirms: %(fields)s.") % {"fields": waiting}
    return f"{words} {waits}"


def _editing(request: HttpRequest, actor: Person, person: Person, form: EditPersonForm) -> HttpResponse:
    context = {
        "tab": "search",
        "person": person,
        "form": form,
        "obstacle": registration_policy.editing_obstacle(actor, person),
        "meanwhile": form.meanwhile(person),
    }
    return render(request, TEMPLATE, context, status=refusals.status_of(form))


def _what_happened(edited: Edited) -> str:
    if edited.waits is not None:
        waits = _("The change of %(fields)s waits until a second Registration Officer confirms it.")
        return waits % {"fields": edited.waits}
    return _("Saved.") if edited.fields else _("Nothing was different, so nothing was changed.")
