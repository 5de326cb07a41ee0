"""Views of roles: assign, withdraw, list."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.audit import exports
from identity_manager.console.access import offices, persons
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.lists.csv_export import csv_response
from identity_manager.console.people.roles import roles_page, who_may_page
from identity_manager.console.people.roles.officer_columns import COLUMNS
from identity_manager.console.people.roles.roles_page import AssignForm, RolesFilterForm
from identity_manager.models import Role, RoleAssignment
from identity_manager.people.officers import roles


@require_http_methods(["GET", "HEAD", "POST"])
def of_person(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The roles of a person; the POST assigns one."""
    person = persons.person_for_roles(request, pk)
    actor = offices.officer(request)
    form = AssignForm(refusals.post_data(request), actor=actor, person=person)
    if form.is_valid():
        with refusals.show_refusal(form):
            given = roles.assign(
                actor=actor,
                person_id=pk,
                role=Role(form.cleaned_data["role"]),
                unit=form.cleaned_data["unit"],
                period=form.period,
            )
            messages.success(request, _("%(person)s has the role %(role)s.") % _names(given))
            return redirect("console:person-roles", pk)
    context = roles_page.context(actor, person, form)
    return render(
        request, "identity_manager/people/roles/person.html", context, status=refusals.status_of(form)
    )


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: uuid.UUID, assignment_id: uuid.UUID) -> HttpResponse:
    """Withdraw a role."""
    person = persons.person_for_user_administrator(request, pk)
    held = get_object_or_404(person.roles, pk=assignment_id)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            actor = offices.officer(request)
            roles.withdraw(actor=actor, person_id=pk, role=Role(held.role), unit=held.organisational_unit)
            messages.success(
                request, _("%(person)s does not have the role %(role)s any more.") % _names(held)
            )
            return redirect("console:person-roles", pk)
    return confirmation.page(request, form, _withdrawing(held))


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List who holds which role."""
    actor = offices.office_reader(request)
    context = roles_page.listing(actor, RolesFilterForm(request.GET))
    return render(request, "identity_manager/people/roles/listing.html", context)


@require_POST
def export(request: HttpRequest) -> StreamingHttpResponse:
    """CSV export of the officers' roles: the rows of the list as it is filtered."""
    actor, form = offices.office_reader(request), RolesFilterForm(request.POST)
    held = roles_page.held_roles(actor, form)
    filters = {"role": form.data.get("role", ""), "q": bool(form.data.get("q"))}
    exports.record(actor=actor, what="officer", rows=len(held), filters=filters)
    return csv_response("officers", COLUMNS.header, (COLUMNS.exported(each) for each in held))


@require_safe
def who_may(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Page of the officers who may act for this person, by act."""
    actor = offices.office_reader(request)
    context = who_may_page.context(actor, persons.person_for_officer(request, pk))
    return render(request, "identity_manager/people/roles/who_may.html", context)


def _names(held: RoleAssignment) -> dict[str, str]:
    return {"person": held.person.display_name, "role": str(held)}


def _withdrawing(held: RoleAssignment) -> Confirmation:
    return Confirmation(
        title=_("Withdraw the role %(role)s from %(person)s?") % _names(held),
        lead=_("It takes effect with the next click of that person. It can be assigned again at any time."),
        button=_("Withdraw the role"),
        back=reverse("console:person-roles", args=[held.person_id]),
        tab="search",
    )
