"""Forms about persons: enter, edit, leave, lock, decide on changes of identity."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.search.selection import NOTHING_CHOSEN
from identity_manager.models import IdentityChange, Person, PersonKind, Role
from identity_manager.models.people.person import field_label
from identity_manager.models.requests.revocation_reasons import REVOCATION_REASONS
from identity_manager.models.text_in_languages import languages
from identity_manager.people import persons, validation
from identity_manager.people.identity import identity_changes
from identity_manager.people.imports.uniqueness import identity_fields
from identity_manager.person_fields import REQUIRED_FIELDS
from identity_manager.transactions.refusals import NO_REASON
from identity_manager.workflow.people import leave_and_return

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

WAITS_AS_NEW = _("It is the person's once a second Registration Officer has confirmed it.")
WAITS = _("A change waits until a second Registration Officer confirms it.")
LOCK_REASONS = [
    (value, words) for value, words in REVOCATION_REASONS.items() if value in leave_and_return.LOCK_REASONS
]


def _line(
    name: str, help_text: "StrOrPromise" = "", *, missing: "StrOrPromise" = "", **attributes: str
) -> forms.CharField:
    """A single-line text field of a person; missing: the error message of a required one."""
    return forms.CharField(
        label=field_label(name),
        help_text=help_text,
        required=bool(missing),
        widget=forms.TextInput(attrs=attributes),
        error_messages={"required": missing},
    )


class PersonForm(VerbForm):
    """The record of a person, validated field by field as every other way of entering a person is."""

    given_name = _line("given_name", missing=validation.MISSING["given_name"], autocomplete="off")
    surname = _line("surname", missing=validation.MISSING["surname"], autocomplete="off")
    display_name = _line("display_name", _("Left empty, it is made of given name and surname."))
    email = _line("email", inputmode="email", autocomplete="off")
    upn = _line("upn", _("For sign-in to Windows, such as name@corp.example.com."))
    sid = _line("sid", _("For Windows, such as S-1-5-21-…"))
    department = _line("department")
    organisational_unit = _line("organisational_unit", _("Officers of this unit look after the person."))
    manager = _line("manager", _("The personnel number of another person."))
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=PersonKind.choices,
        error_messages={"required": _("Choose the kind of person.")},
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=languages,
        error_messages={"required": _("Choose the language.")},
    )
    time_zone = _line("time_zone", _("Such as Europe/Berlin."), missing=_("Enter the time zone."))
    external_id = _line("external_id", _("What another directory calls the person."))

    def clean(self) -> dict[str, Any]:
        """Validate each field by validation.clean; errors stand at the field."""
        checked = validation.clean(self.given())
        for error in checked.errors:
            if error.field in self.fields and error.field not in self.errors:
                self.add_error(error.field, error.sentence)
        return self.cleaned_data

    def given(self) -> dict[str, str]:
        """The submitted values by field name."""
        names = (*REQUIRED_FIELDS, *persons.EDITABLE)
        return {name: str(self.cleaned_data.get(name) or "") for name in names if name in self.fields}


class NewPersonForm(PersonForm):
    """The form of a new person."""

    personnel_number = _line(
        "personnel_number",
        _("It stays with the person for good."),
        missing=validation.MISSING["personnel_number"],
        autocomplete="off",
    )
    active = forms.BooleanField(
        label=_("Active at once"),
        help_text=_("Without it the person is Registered, and is activated later."),
        required=False,
        initial=True,
    )
    field_order = ("personnel_number",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in identity_fields():
            self.fields[name].help_text = WAITS_AS_NEW


class EditPersonForm(PersonForm):
    """The form of a record with its version: an old page does not overwrite a newer change."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person
        for name in identity_fields():
            self.fields[name].help_text = WAITS

    def given(self) -> dict[str, str]:
        return {"personnel_number": self.person.personnel_number, **super().given()}

    def meanwhile(self, person: Person) -> "list[tuple[StrOrPromise, str, str]]":
        """After a refusal because of a newer version: submitted values that differ from the record.

        A second submit overwrites the record: the officer has seen the differences.
        """
        if self.refused is None or self.refused.reason != persons.CHANGED_MEANWHILE:
            return []
        # Value by value: what was sent keeps a list of values for each field.
        self.data = {name: self.data[name] for name in self.data} | {"version": str(person.version)}
        now = present(person)
        typed = self.values
        return [
            (self.fields[name].label or name, now[name], value)
            for name, value in typed.items()
            if value != now[name]
        ]

    @property
    def values(self) -> dict[str, str]:
        """The keyword argument of the verb."""
        return {name: value for name, value in self.given().items() if name in persons.EDITABLE}


def present(person: Person) -> dict[str, str]:
    """The fields of the record as the form shows them."""
    values = {name: str(getattr(person, name)) for name in persons.EDITABLE if name != "manager"}
    return {**values, "manager": person.manager.personnel_number if person.manager else ""}


def for_a_new_person(actor: Person) -> dict[str, str]:
    """Initial values of a new person: language, time zone and unit of the officer."""
    units = {
        held.organisational_unit for held in actor.roles_in_force() if held.role == Role.REGISTRATION_OFFICER
    }
    unit = next(iter(units)) if len(units) == 1 else ""
    return {"language": actor.language, "time_zone": actor.time_zone, "organisational_unit": unit}


class LeaveForm(VerbForm):
    """The reason of a leave."""

    reason = ReasonField(
        help_text=_("It stays in the person's history. The person does not read it."),
        required=lazystr(NO_REASON),
    )


class LockForm(VerbForm):
    """The reason of a lock, which goes to the CRL."""

    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=LOCK_REASONS,
        widget=forms.RadioSelect,
        help_text=_("The certificate authority publishes it with the serial numbers."),
        error_messages={"required": lazystr(leave_and_return.NO_LOCK_REASON)},
    )


class RefuseChangeForm(VerbForm):
    """The reason for refusing a change of identity."""

    reason = ReasonField(help_text=_("The officer who asked reads this."), required=lazystr(NO_REASON))


class SeveralChangesForm(VerbForm):
    """Form with the waiting changes of identity to be confirmed; ids of others are refused."""

    def __init__(self, *args: Any, rows: QuerySet[IdentityChange], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        gone = lazystr(identity_changes.NOT_WAITING)
        self.fields["changes"] = forms.ModelMultipleChoiceField(
            queryset=rows,
            error_messages={
                "required": lazystr(NOTHING_CHOSEN),
                "invalid_choice": gone,
                "invalid_pk_value": gone,
            },
        )
