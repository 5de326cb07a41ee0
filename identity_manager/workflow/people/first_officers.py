"""First officers of an installation, created by its operator.

As many as four-eyes rules need, so that everything else is done in the portals
(docs/how-to/first-officers.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.models import OFFICER_ROLES, Person, Role, RoleAssignment
from identity_manager.people import persons, validation
from identity_manager.people.imports import uniqueness
from identity_manager.people.officers import roles
from identity_manager.transactions.refusals import NotPossible, Reason, refuse
from identity_manager.workflow.people import sign_in_codes

# Token types, persons and approvals of some types need two officers each.
NEEDED: Mapping[Role, int] = {
    Role.SYSTEM_ADMINISTRATOR: 2,
    Role.USER_ADMINISTRATOR: 1,
    Role.REGISTRATION_OFFICER: 2,
    Role.TOKEN_ADMINISTRATOR: 1,
    Role.APPROVER: 2,
}
FIELDS = ("personnel_number", "given_name", "surname", "display_name", "email", "department", "language")
DEMANDED = ("personnel_number", "given_name", "surname", "email")
UNIQUE = ("personnel_number", "email")

THERE_ARE_SOME = Reason(
    "there-are-officers",
    _(
        "There are officers already. In the portals a Registration Officer enters further ones, and a User"
        " Administrator gives them roles."
    ),
)
MISSING = {**validation.MISSING, "email": _("Enter the e-mail address.")}  # for each of DEMANDED
TWICE = _("Another officer of this list has it.")
TAKEN = _("Belongs to another person already.")
NO_ROLE = _("An officer needs at least one role.")
ROLE_TWICE = _("This role is given twice.")
NOT_AN_OFFICER = _("This is not a role of officers.")
TOO_FEW = _("Too few persons have the role %(role)s: %(there)s of %(needed)s.")


@dataclass(frozen=True)
class Officer:
    """A person to be created: some of FIELDS as text, and roles."""

    values: Mapping[str, str]
    roles: Sequence[Role] = ()


@dataclass(frozen=True)
class CreatedOfficers:
    """A created officer, with a sign-in code; empty where codes cannot be used."""

    person: Person
    roles: Sequence[Role]
    code: str = field(repr=False)


@dataclass(frozen=True)
class OfficerFault:
    """An error in the list. number: officer from 1; 0: the list as a whole."""

    number: int
    field: str
    sentence: str | Promise


def make(officers: Sequence[Officer]) -> list[CreatedOfficers]:
    """Create the persons, Active and with roles, and a sign-in code for each; atomic.

    The caller shows the codes and stores none. Raises NotPossible (officers exist, or an error).
    """
    with transaction.atomic():
        refuse(obstacle())
        for fault in faults(officers):
            raise NotPossible(Reason("bad-first-officers", fault.sentence), field=fault.field)
        return [_make(officer) for officer in officers]


def obstacle() -> Reason | None:
    """Why no first officers can be made, or None."""
    return THERE_ARE_SOME if RoleAssignment.objects.filter(role__in=OFFICER_ROLES).exists() else None


def faults(officers: Sequence[Officer]) -> Iterator[OfficerFault]:
    """All errors of the list, by officer, and roles held by too few."""
    for number, officer in enumerate(officers, 1):
        others = [other.values for other in officers[: number - 1]]
        for error in person_faults(officer.values, others):
            yield OfficerFault(number, error.field, error.sentence)
        if not officer.roles:
            yield OfficerFault(number, "roles", NO_ROLE)
        for index, role in enumerate(officer.roles):
            if sentence := role_fault(role, officer.roles[:index]):
                yield OfficerFault(number, "roles", sentence)
    for role, needed in NEEDED.items():
        there = sum(role in officer.roles for officer in officers)
        if there < needed:
            words = {"needed": needed, "role": role.label, "there": there}
            yield OfficerFault(0, "roles", TOO_FEW % words)


def person_faults(
    values: Mapping[str, str], others: Sequence[Mapping[str, str]]
) -> list[validation.FieldError]:
    """Errors in the fields of one officer; others: officers of the list so far."""
    cleaned = validation.clean(values)
    found = list(cleaned.errors)
    wrong = {error.field for error in found}
    lacking = (name for name in DEMANDED if name not in wrong and not cleaned.values.get(name))
    found.extend(validation.FieldError(name, str(MISSING[name])) for name in lacking)
    for name in UNIQUE:
        value = cleaned.values.get(name, "").lower()
        if value and any(value == other.get(name, "").strip().lower() for other in others):
            found.append(validation.FieldError(name, str(TWICE)))
        elif value and _is_taken(name, value):
            found.append(validation.FieldError(name, str(TAKEN)))
    return found


def role_fault(role: Role, held: Sequence[Role]) -> str:
    """Why the role cannot be added to these roles; empty if it can."""
    if role not in OFFICER_ROLES:
        return str(NOT_AN_OFFICER)
    if role in held:
        return str(ROLE_TWICE)
    conflict = roles.conflict(role, held)
    return str(conflict) if conflict else ""


def codes_are_of_use() -> bool:
    """Whether the officers' portal accepts passwords, for which codes are exchanged."""
    return "password" in settings.SIGN_IN_METHODS["console"]


def _is_taken(name: str, value: str) -> bool:
    if name == "personnel_number":
        return Person.objects.filter(personnel_number__iexact=value).exists()
    return bool(uniqueness.owners(name, [value]))


def _make(officer: Officer) -> CreatedOfficers:
    person = persons.create_active(actor=None, values=officer.values)
    for role in officer.roles:
        roles.establish(person_id=person.pk, role=role)
    code = sign_in_codes.establish(person_id=person.pk) if codes_are_of_use() else ""
    return CreatedOfficers(person, officer.roles, code)
