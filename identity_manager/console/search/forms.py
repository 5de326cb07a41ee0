"""Forms of SEARCH: one per kind of object, with words and filters."""

import uuid
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any, Self

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Exists, OuterRef, Q
from django.utils.text import format_lazy
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import registry
from identity_manager.console.access import offices, requests
from identity_manager.console.forms.fields import EARLIEST, LATEST, MAIL_REFUSED, OPEN, OUT_OF_DAYS
from identity_manager.console.lists.distinct_values import Values, known_values
from identity_manager.models import (
    OFFERED_ROLES,
    Approval,
    AskedApprover,
    Certificate,
    CertificateState,
    Decision,
    Person,
    PersonKind,
    PersonState,
    RequestKind,
    RequestOrigin,
    RequestState,
    Role,
)
from identity_manager.models.person_search.name_order import key_for_reader
from identity_manager.models.token_imports.token_import import Imported
from identity_manager.queries import console_pages
from identity_manager.queries.request_progress import Became
from identity_manager.ui.context import REQUEST_READERS, SEARCHERS
from identity_manager.ui.forms import FilterSelect

Choices = list[tuple[str, Any]]
LONGEST_TEXT = 200
SOON, LATELY = (30, 60, 90), (7, 30, 90)  # days
NO_TOKEN = "none"  # noqa: S105 a choice of the filter
ANY_TOKEN = "any"  # noqa: S105 a choice of the filter
NO_UNIT = "-none"  # the name of no unit: none begins with a sign that spreadsheets take for a formula
NEVER_SIGNED_IN, CODE_ENDS, CODE_ENDED = "never", "code-ends", "code-ended"
REVOCATION_WAITS = "revocation-waits"
BY_HAND = "revocation-by-hand"
INSTALLED, NOT_INSTALLED = "yes", "no"
WAITING, LATE = "waiting", "late"
ISSUED, AWAITED, PARKED = "issued", "awaited", "parked"
RENEWAL_ASKED, NOT_NEEDED = "asked", "not-needed"


class WordsField(forms.CharField):
    """Words to look for. Whatever is typed is data, control characters too."""

    def __init__(self, label: Any) -> None:
        super().__init__(
            label=label,
            max_length=LONGEST_TEXT,
            required=False,
            error_messages={"max_length": _("At most %(limit_value)d characters are searched for.")},
        )

    def to_python(self, value: Any) -> str:
        return str(super().to_python(str(value or "").replace("\x00", " ")))


class FilterField(forms.ChoiceField):
    """One of a closed list, or nothing."""

    def __init__(self, label: Any, *, anything: Any, choices: Any = ()) -> None:
        self.offered = [("", anything), *choices]
        super().__init__(
            label=label,
            choices=self.offered,
            required=False,
            widget=FilterSelect,
            error_messages={"invalid_choice": _("There is no such choice. Choose from the list.")},
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy for a form without copying the choices, which are never mutated."""
        return forms.Field.__deepcopy__(self, memo)

    def offer(self, known: Callable[[], Choices]) -> None:
        """Add lazy choices to this form's field, evaluated only when rendered or validated."""
        there = dict(self.offered)
        self.choices = cache(lambda: [*self.offered, *(each for each in known() if each[0] not in there)])


class KnownField(FilterField):
    """A choice of values in the database. A former value is valid, finds nothing, and stays selected."""

    def valid_value(self, value: Any) -> bool:
        return "\x00" not in str(value)


class DayField(forms.DateField):
    """A day, within bounds that time zone conversion cannot leave."""

    def __init__(self, label: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            error_messages={"invalid": _("This is no day. Write it as year-month-day, such as 2026-04-30.")},
            validators=[MinValueValidator(EARLIEST, OUT_OF_DAYS), MaxValueValidator(LATEST, OUT_OF_DAYS)],
        )


class WithinField(FilterField):
    """A number of days relative to today, so that saved searches stay relative."""

    def __init__(self, label: Any, *days: int) -> None:
        choices = [(str(each), format_lazy(_("within {days} days"), days=each)) for each in days]
        super().__init__(label, anything=_("at any time"), choices=choices)


class KindForm(forms.Form):
    """Base form: the search line. actor: limits values in choices to their reach.

    remembered: gives what was read under a name a moment ago, or reads it.
    """

    q = WordsField(_("Words"))
    remembered: Callable[[str, Callable[[], Any]], Any] = staticmethod(lambda _name, read: read())

    def __init__(self, *args: Any, actor: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor
        self.offer_known()

    def offer_known(self) -> None:
        """Fill the lists whose choices are in the database."""
        if "token_type" in self.fields:
            name = f"types in {get_language()}"
            self.offer("token_type", lambda: self.remembered(name, token_types))

    def filters(self) -> list[forms.BoundField]:
        """Bound fields of the filters: all but the words."""
        return [field for field in self if field.name != "q"]

    def offer(self, name: str, known: Callable[[], Choices]) -> None:
        """Offer these choices of a field."""
        field = self.fields[name]
        assert isinstance(field, FilterField)  # noqa: S101 narrows the declared type
        field.offer(known)

    def offer_values(self, **asked: Values) -> None:
        """Offer for each of these fields the values of its column, of all in one query."""
        name = f"values of {type(self).__name__}"
        read = partial(known_values, *asked.values())
        known = cache(lambda: dict(zip(asked, self.remembered(name, read), strict=True)))
        for field in asked:
            self.offer_names(field, partial(lambda name: known()[name], field))

    def offer_names(self, field: str, known: Callable[[], list[str]]) -> None:
        """Offer for this field what is known of it, and what the address asks for."""
        chosen = self.data.get(field, "")
        self.offer(field, lambda: [(each, each) for each in dict.fromkeys([chosen, *known()]) if each])


class PersonForm(KindForm):
    """Persons of one kind, of whom the lists of departments and units are."""

    person_kind: PersonKind
    q = WordsField(_("Name, number, e-mail or department"))
    state = FilterField(_("State"), anything=_("any state"), choices=PersonState.choices)
    department = KnownField(_("Department"), anything=_("any department"))
    unit = KnownField(
        _("Organisational unit"), anything=_("any unit"), choices=[(NO_UNIT, _("without a unit"))]
    )
    token_type = FilterField(
        _("Has software token"),
        anything=_("with or without"),
        choices=[(ANY_TOKEN, _("any type")), (NO_TOKEN, _("none at all"))],
    )
    expires_within = WithinField(_("A token expires"), *SOON)
    expires_before = DayField(_("A token expires before"))
    role = FilterField(
        _("Role"),
        anything=_("any role or none"),
        choices=[(role.value, role.label) for role in OFFERED_ROLES],
    )
    sign_in = FilterField(
        _("Sign-in"), anything=_("signed in or not"), choices=[(NEVER_SIGNED_IN, _("never signed in"))]
    )

    def offer_known(self) -> None:
        """Offer the known values of filters; the end of a sign-in code only to officers who make codes."""
        super().offer_known()
        if offices.holds(self.actor, {Role.REGISTRATION_OFFICER}):
            codes = [
                (CODE_ENDS, _("sign-in code ends within two days")),
                (CODE_ENDED, _("sign-in code has ended unused")),
            ]
            self.offer("sign_in", lambda: codes)
        reach = offices.within_units(self.actor, SEARCHERS, "organisational_unit") & Q(kind=self.person_kind)
        self.offer_values(
            department=Values(Person, "department", reach), unit=Values(Person, "organisational_unit", reach)
        )


class EmployeeForm(PersonForm):
    person_kind = PersonKind.EMPLOYEE


class ExternalForm(PersonForm):
    person_kind = PersonKind.EXTERNAL


class RequestForm(KindForm):
    """Requests."""

    q = WordsField(_("Reference or person"))
    state = FilterField(
        _("State"),
        anything=_("any state"),
        choices=[
            (OPEN, _("all that are open")),
            (MAIL_REFUSED, _("with a refused mail")),
            *RequestState.choices,
        ],
    )
    token_type = FilterField(_("Asks for"), anything=_("any type"))
    request_kind = FilterField(
        _("Kind of request"),
        anything=_("any kind"),
        choices=RequestKind.choices,
    )
    origin = FilterField(_("How it came about"), anything=_("either way"), choices=RequestOrigin.choices)
    unit = KnownField(_("Organisational unit"), anything=_("any unit"))
    batch_order = WordsField(_("Batch order"))
    became = FilterField(_("What became of it"), anything=_("anything"), choices=Became.choices)
    asked_by = WordsField(_("Asked by"))
    approver = KnownField(_("Approver"), anything=_("any approver"))
    answer = FilterField(
        _("Answer of an approver"),
        anything=_("any answer or none"),
        choices=[
            (WAITING, _("asked, and not reminded yet")),
            (LATE, _("reminded, and not answered")),
            *Decision.choices,
        ],
    )
    asked_from = DayField(_("Asked on or after"))
    asked_until = DayField(_("Asked on or before"))
    ended_within = WithinField(_("Ended"), *LATELY)
    ended_from = DayField(_("Ended on or after"))

    def offer_known(self) -> None:
        """Of the approvers who reads it, and whom the address names."""
        super().offer_known()
        self.offer_values(unit=units_within(self.actor, REQUEST_READERS))
        self.offer("approver", self._approvers)

    def _approvers(self) -> Choices:
        found: Choices = (
            [(str(self.actor.pk), _("you"))] if offices.holds(self.actor, {Role.APPROVER}) else []
        )
        chosen = str(self.data.get("approver", ""))
        if chosen and chosen not in dict(found):
            found.append((chosen, _approver_read_of(self.actor, chosen)))
        return found


class CertificateForm(KindForm):
    """Certificates."""

    q = WordsField(_("Serial number, subject or person"))
    state = FilterField(
        _("State"),
        anything=_("any state"),
        choices=[
            *CertificateState.choices,
            (ISSUED, _("issued, whatever became of it")),
            (AWAITED, _("ordered, and the CA is to answer")),
            (PARKED, _("ordered, and the outcome is not known")),
            (REVOCATION_WAITS, _("revocation has not reached the CA")),
            (BY_HAND, _("to be revoked at the CA by hand")),
        ],
    )
    token_type = FilterField(_("Token type"), anything=_("any type"))
    unit = KnownField(_("Organisational unit"), anything=_("any unit"))
    issuer = KnownField(_("Issuer"), anything=_("any issuer"))
    ca = KnownField(_("Ordered here from"), anything=_("any authority"))
    ordered_from = DayField(_("Ordered on or after"))
    imported = FilterField(
        _("Where it comes from"), anything=_("from here or elsewhere"), choices=Imported.choices
    )
    renewal = FilterField(
        _("Renewal"),
        anything=_("either way"),
        choices=[
            (RENEWAL_ASKED, _("asked, and not answered")),
            (NOT_NEEDED, _("not needed any longer")),
        ],
    )
    installed = FilterField(
        _("Installed"),
        anything=_("either way"),
        choices=[
            (INSTALLED, _("said to be installed")),
            (NOT_INSTALLED, _("delivered, and not said to be installed")),
        ],
    )
    expires_within = WithinField(_("Expires"), *SOON)
    expires_from = DayField(_("Expires on or after"))
    expires_before = DayField(_("Expires before"))
    revoked_from = DayField(_("Revoked on or after"))
    revoked_until = DayField(_("Revoked on or before"))

    def offer_known(self) -> None:
        super().offer_known()
        units = units_within(self.actor, SEARCHERS | REQUEST_READERS)
        self.offer_values(issuer=Values(Certificate, "issuer"), unit=units)
        self.offer_names("ca", lambda: sorted(registry.aliases()))


def key_in(text: str) -> uuid.UUID | None:
    """The key that an address names; None where it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _approver_read_of(actor: Person, text: str) -> str:
    """The name of an approver of requests that this officer reads. For any other key the key itself, so that
    nobody learns names by trying keys.
    """
    read = Exists(requests.visible_requests(actor).order_by().filter(pk=OuterRef("request")))
    asked = Exists(AskedApprover.objects.filter(read, approver=OuterRef("pk")))
    decided = Exists(Approval.objects.filter(read, approver=OuterRef("pk")))
    persons = Person.objects.filter(asked | decided, pk__in=filter(None, [key_in(text)]))
    return persons.values_list("display_name", flat=True).first() or text


def units_within(actor: Person, roles: Iterable[str]) -> Values:
    """The organisational units that the officer reaches by one of the roles."""
    return Values(Person, "organisational_unit", offices.within_units(actor, roles, "organisational_unit"))


def token_types() -> Choices:
    """Every code once, by the name of its newest version, in the order of the catalogue."""
    newest = {row.code: row for row in console_pages.names_of_types()}
    return [
        (row.code, str(row))
        for row in sorted(newest.values(), key=lambda row: (row.position, key_for_reader(row)))
    ]
