"""Page context of roles: those of a person, those that this officer may assign, and all holders."""

import uuid
from collections.abc import Iterator
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import offices
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people.roles import officer_columns
from identity_manager.console.people.roles.officer_columns import Held
from identity_manager.console.people.roles.role_words import MAY, state_of
from identity_manager.models import OFFERED_ROLES, OFFICER_ROLES, Person, RoleAssignment, RoleReview
from identity_manager.people.officers import roles
from identity_manager.people.officers.roles import RolePeriod
from identity_manager.ui.forms import RadioCards
from identity_manager.ui.parts import Card

UNKNOWN_UNIT = _("Nobody is in an organisational unit of this name. Look how it is written in a record.")


class DayInput(forms.DateInput):
    """An input of type date."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class AssignForm(VerbForm):
    """A role, its unit, and its validity."""

    role = forms.ChoiceField(
        label=_("Role"), widget=RadioCards, error_messages={"required": _("Choose a role.")}
    )
    unit = forms.CharField(
        label=_("Organisational unit"),
        help_text=_("Leave it empty for a role that reaches everywhere."),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"list": "units", "autocomplete": "off"}),
    )
    valid_from = forms.DateField(
        label=_("First day"), help_text=_("Empty: from now on."), required=False, widget=DayInput
    )
    valid_until = forms.DateField(
        label=_("Last day"), help_text=_("Empty: without end."), required=False, widget=DayInput
    )

    def __init__(self, *args: Any, actor: Person, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 narrows the declared type
        self.cards = list(_cards(actor, person))
        field.choices = self.cards

    def clean_unit(self) -> str:
        """Raises ValidationError for a unit without persons, as a role there reaches nobody."""
        unit = str(self.cleaned_data["unit"])
        if unit and not Person.objects.filter(organisational_unit=unit).exists():
            raise forms.ValidationError(UNKNOWN_UNIT)
        return unit

    @property
    def period(self) -> RolePeriod:
        return RolePeriod(self.cleaned_data["valid_from"], self.cleaned_data["valid_until"])


def _cards(actor: Person, person: Person) -> Iterator[tuple[str, Card]]:
    for role, reason in roles.obstacles(actor=actor, person=person).items():
        yield (
            role.value,
            Card(str(role.label), str(MAY.in_words(role)), reason=reason.sentence if reason else ""),
        )


class RolesFilterForm(forms.Form):
    """The filter of the list by role."""

    role = forms.ChoiceField(
        label=_("Role"),
        choices=[
            ("", _("every role")),
            *((role.value, role.label) for role in OFFERED_ROLES if role in OFFICER_ROLES),
        ],
        required=False,
    )
    q = forms.CharField(label=_("Name or organisational unit"), max_length=200, required=False)


def context(actor: Person, person: Person, form: AssignForm) -> dict[str, Any]:
    """The roles of one person, and the form for another one."""
    return {
        "tab": "search",
        "person": person,
        "form": form,
        "roles": [_line(actor, person, held) for held in person.roles.all()],
        "own": roles.NEVER_TO_ONESELF if actor.pk == person.pk else None,
        "reads_offices": offices.holds(actor, offices.OFFICE_READERS),
        "gives": any(not card.reason for _value, card in form.cards),
        "units": known_units(),
        "sees_deputies": offices.holds(actor, offices.OFFICE_READERS),
    }


def _conflicts(actor: Person) -> list[tuple[Person, list[tuple[RoleAssignment, RoleAssignment]]]]:
    """Holders of conflicting roles within the reach of the reader."""
    reached = Person.objects.filter(
        offices.within_units(actor, offices.OFFICE_READERS, "organisational_unit")
    )
    found = roles.in_conflict()
    ids = set(reached.filter(pk__in=[person.pk for person in found]).values_list("pk", flat=True))
    return [(person, pairs) for person, pairs in found.items() if person.pk in ids]


def _line(actor: Person, person: Person, held: RoleAssignment) -> dict[str, Any]:
    obstacle = roles.withdraw_obstacle(actor=actor, person=person, unit=held.organisational_unit)
    return {"held": held, "state": state_of(held), "withdraws": obstacle is None}


def known_units() -> QuerySet[Person, str]:
    """The organisational units that have persons."""
    units = Person.objects.exclude(organisational_unit="").order_by("organisational_unit")
    return units.values_list("organisational_unit", flat=True).distinct()[:500]


def listing(actor: Person, form: RolesFilterForm) -> dict[str, Any]:
    """The holders of roles within the reach of the reader, and what each role may do."""
    rows = held_roles(actor, form)
    return {
        "tab": "admin",
        "form": form,
        "held": len(rows),
        "table": officer_columns.COLUMNS.draw(actor, rows),
        "conflicts": _conflicts(actor),
        "total": _reached(actor).count(),
    }


def held_roles(actor: Person, form: RolesFilterForm) -> list[Held]:
    """The assignments that the filter leaves, in their order."""
    rows = _reached(actor)
    if form.is_valid():
        if role := form.cleaned_data["role"]:
            rows = rows.filter(role=role)
        if text := form.cleaned_data["q"]:
            matching = Person.objects.matching(text).values("pk")
            rows = rows.filter(person__in=matching) | rows.filter(organisational_unit__icontains=text)
    rows = rows.select_related("person", "assigned_by")
    held = list(rows.order_by("role", "person__search_text__by_name", "organisational_unit"))
    confirmed = _confirmations(held)
    return [Held(row, confirmed.get(row.pk)) for row in held]


def _reached(actor: Person) -> QuerySet[RoleAssignment]:
    reach = offices.within_units(actor, offices.OFFICE_READERS, "person__organisational_unit")
    return RoleAssignment.objects.filter(reach, role__in=OFFICER_ROLES)


def _confirmations(held: list[RoleAssignment]) -> dict[uuid.UUID, RoleReview]:
    """The latest confirmation of each assignment that has one."""
    reviews = RoleReview.objects.confirmations().filter(assignment_id__in=[each.pk for each in held])
    found: dict[uuid.UUID, RoleReview] = {}
    for review in reviews.select_related("decided_by"):
        found.setdefault(review.assignment_id, review)
    return found
