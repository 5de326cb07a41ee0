"""Page context of roles: those of a person, those that this officer may assign, and all holders."""

import uuid
from collections.abc import Iterator
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import offices
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import OFFERED_ROLES, OFFICER_ROLES, Person, Role, RoleAssignment, RoleReview
from identity_manager.models.people.role import today
from identity_manager.models.words import Vocabulary
from identity_manager.people.officers import roles
from identity_manager.people.officers.roles import RolePeriod
from identity_manager.ui.forms import RadioCards
from identity_manager.ui.parts import Card

MAY = Vocabulary(
    "what roles may",
    {
        Role.SELF_SERVICE_USER: _("Signs in to Self-Service: own tasks, requests and software tokens."),
        Role.TOKEN_ADMINISTRATOR: _(
            "Enables persons; cancels, retries, sends again; revokes and holds tokens."
        ),
        Role.APPROVER: _("Approves, rejects or postpones requests."),
        Role.REGISTRATION_OFFICER: _("Creates, edits, activates and locks persons; imports; sign-in codes."),
        Role.USER_ADMINISTRATOR: _("Assigns and withdraws roles, never their own."),
        Role.RECOVERY_OFFICER: _(
            "Confirms, with a second one, the certificates for which keys are archived; holds shares."
        ),
        Role.AUDITOR: _("Reads everything but files, passphrases and codes; changes nothing."),
        Role.SYSTEM_ADMINISTRATOR: _("Token types, profiles, terms, jobs; no person's business."),
    },
)


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
    return {"held": held, "state": _state(held), "withdraws": obstacle is None}


def _state(held: RoleAssignment) -> tuple[str, Promise]:
    """Meaning and text of the badge."""
    if held.is_in_force(today()):
        return "done", _("in force")
    begins_later = held.valid_from is not None and held.valid_from > today()
    return ("waiting", _("begins later")) if begins_later else ("stopped", _("has ended"))


def known_units() -> QuerySet[Person, str]:
    """The organisational units that have persons."""
    units = Person.objects.exclude(organisational_unit="").order_by("organisational_unit")
    return units.values_list("organisational_unit", flat=True).distinct()[:500]


def listing(actor: Person, form: RolesFilterForm) -> dict[str, Any]:
    """The holders of roles within the reach of the reader, and what each role may do."""
    reached, rows = _reached(actor), held_roles(actor, form)
    confirmed = _confirmations(rows)
    return {
        "tab": "admin",
        "form": form,
        "rows": [(row, _state(row), MAY.in_words(row.role), confirmed.get(row.pk)) for row in rows],
        "conflicts": _conflicts(actor),
        "total": reached.count(),
    }


def held_roles(actor: Person, form: RolesFilterForm) -> list[RoleAssignment]:
    """The assignments that the filter leaves, in their order."""
    rows = _reached(actor)
    if form.is_valid():
        if role := form.cleaned_data["role"]:
            rows = rows.filter(role=role)
        if text := form.cleaned_data["q"]:
            matching = Person.objects.matching(text).values("pk")
            rows = rows.filter(person__in=matching) | rows.filter(organisational_unit__icontains=text)
    rows = rows.select_related("person", "assigned_by")
    return list(rows.order_by("role", "person__search_text__by_name", "organisational_unit"))


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


EXPORT_HEAD = (
    _("Personnel number"),
    _("Name"),
    _("State"),
    _("Role"),
    _("Organisational unit"),
    _("What the role may do"),
    _("First day"),
    _("Last day"),
    _("Assigned"),
    _("Assigned by"),
    _("Confirmed"),
    _("Confirmed by"),
)


def exported(held: list[RoleAssignment]) -> list[tuple[object, ...]]:
    """One row of the CSV file for each assignment, as EXPORT_HEAD says."""
    confirmed = _confirmations(held)
    return [_exported(each, confirmed.get(each.pk)) for each in held]


def _exported(held: RoleAssignment, review: RoleReview | None) -> tuple[object, ...]:
    return (
        held.person.personnel_number,
        held.person.display_name,
        held.person.get_state_display(),
        held,
        held.organisational_unit or gettext("everywhere"),
        MAY.in_words(held.role),
        held.valid_from,
        held.valid_until,
        held.assigned_at,
        held.assigned_by,
        review.decided_at if review else None,
        review.decided_by if review else None,
    )
