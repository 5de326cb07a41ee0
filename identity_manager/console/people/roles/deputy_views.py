"""Views of an Approver's deputies: list, assign, end."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from identity_manager.console.access import offices, persons
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people.roles.roles_page import DayInput
from identity_manager.models import Deputy, Person, Role
from identity_manager.models.people.person import EVERYTHING
from identity_manager.models.people.role import today
from identity_manager.people.officers import deputies
from identity_manager.people.officers.roles import RolePeriod

EVERYWHERE = gettext_lazy("everywhere")


class PersonField(forms.CharField):
    """A person, by their personnel number. within: whom the officer may know of."""

    within = EVERYTHING

    def __init__(self, **kwargs: Any) -> None:
        given: dict[str, Any] = {
            "label": gettext_lazy("Personnel number"),
            "max_length": 64,
            "error_messages": {"required": gettext_lazy("Enter a personnel number.")},
        }
        super().__init__(**(given | kwargs))

    def clean(self, value: Any) -> Any:
        number = super().clean(value)
        person = Person.objects.filter(self.within, personnel_number=number).first()
        if person is None:
            raise forms.ValidationError(str(deputies.NO_SUCH_PERSON))
        return person


class DeputyForm(VerbForm):
    """Form of a deputyship of an Approver: the deputy, unit, first and last day."""

    deputy = PersonField(label=gettext_lazy("Personnel number of the deputy"))
    unit = forms.ChoiceField(label=gettext_lazy("Organisational unit"), required=False)
    valid_from = forms.DateField(label=gettext_lazy("First day"), required=False, widget=DayInput)
    valid_until = forms.DateField(label=gettext_lazy("Last day"), required=False, widget=DayInput)

    def __init__(self, *args: Any, actor: Person, units: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reach = offices.within_units(actor, {Role.USER_ADMINISTRATOR}, "organisational_unit")
        self.fields["deputy"].within = reach  # type: ignore[attr-defined]  # a PersonField
        field = self.fields["unit"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 narrows the declared type
        field.choices = [(unit, unit or EVERYWHERE) for unit in units]


@require_http_methods(["GET", "HEAD", "POST"])
def of_person(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The deputies of a person; the POST assigns one."""
    person = persons.person_for_deputies(request, pk)
    actor = offices.officer(request)
    units = sorted(person.own_units(Role.APPROVER))
    form = DeputyForm(refusals.post_data(request), actor=actor, units=units)
    if form.is_valid():
        given = form.cleaned_data
        with refusals.show_refusal(form):
            row = deputies.assign(
                actor=actor,
                principal_id=pk,
                deputy_id=given["deputy"].pk,
                unit=given["unit"],
                period=RolePeriod(given["valid_from"], given["valid_until"]),
            )
            messages.success(request, _("%(deputy)s is deputy of %(person)s.") % _names(row))
            return redirect("console:person-deputies", pk)
    context = _context(actor, person, units, form)
    template = "identity_manager/people/roles/deputies.html"
    return render(request, template, context, status=refusals.status_of(form))


def _context(actor: Person, person: Person, units: list[str], form: DeputyForm) -> dict[str, Any]:
    rows = Deputy.objects.filter(principal=person) | Deputy.objects.filter(deputy=person)
    rows = rows.select_related("principal", "deputy", "assigned_by").order_by("-valid_until", "pk")
    obstacles = [
        deputies.assignment_obstacle(actor=actor, principal=person, unit=unit) for unit in units or [""]
    ]
    return {
        "tab": "search",
        "person": person,
        "form": form,
        "obstacle": obstacles[0] if all(obstacles) else None,
        "rows": [(row, _state(row), _ends(actor, row)) for row in rows],
    }


def _state(row: Deputy) -> tuple[str, str]:
    """Meaning and text of the badge."""
    day = today()
    if row.is_in_force(day):
        return "done", _("in force")
    later = row.ended_at is None and row.valid_from > day
    return ("waiting", _("begins later")) if later else ("stopped", _("has ended"))


def _ends(actor: Person, row: Deputy) -> bool:
    return not row.is_over(today()) and deputies.ending_obstacle(actor=actor, row=row) is None


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, pk: uuid.UUID, deputy_id: uuid.UUID) -> HttpResponse:
    """End a deputy early, after a question."""
    person = persons.person_for_user_administrator(request, pk)
    row = get_object_or_404(
        Deputy.objects.select_related("principal", "deputy"), pk=deputy_id, principal=person
    )
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            deputies.end(actor=offices.officer(request), deputy_row_id=deputy_id)
            messages.success(request, _("%(deputy)s is deputy of %(person)s no more.") % _names(row))
            return redirect("console:person-deputies", pk)
    asked = Confirmation(
        title=_("Shall %(deputy)s be deputy of %(person)s no more?") % _names(row),
        lead=_("What they approved as a deputy counts no more where the terms are not accepted yet."),
        button=_("End it"),
        back=reverse("console:person-deputies", args=[pk]),
        tab="search",
    )
    return confirmation.page(request, form, asked)


def _names(row: Deputy) -> dict[str, str]:
    return {"deputy": row.deputy.display_name, "person": row.principal.display_name}
