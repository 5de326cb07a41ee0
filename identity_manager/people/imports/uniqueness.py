"""Identities of persons, and their uniqueness among who is not Locked, in the database and within a file."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from identity_manager.models import Person, PersonState
from identity_manager.models.people.upn_key import upn_key

if TYPE_CHECKING:
    from identity_manager.people.imports.planned_row import PlannedRow

IN_CERTIFICATES = ("email", "upn", "sid")
EXTERNAL_ID = "external_id"
CHUNK = 500


def identity_fields() -> tuple[str, ...]:
    """The fields that only two officers change: e-mail, UPN and SID, which certificates say.

    So is the external id where an identity provider names persons by it: whoever changes it alone decides
    who signs in as the person.
    """
    providers = (*settings.SSO_PROVIDERS.values(), *settings.SAML_PROVIDERS.values())
    signs_in = any(provider.field == EXTERNAL_ID for provider in providers)
    return (*IN_CERTIFICATES, EXTERNAL_ID) if signs_in else IN_CERTIFICATES


def in_chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Split values into chunks below the database's limit of query parameters."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def compared(name: str, value: str) -> str:
    """Comparison keys of values: for UPNs as Active Directory compares, for others case-insensitive."""
    return upn_key(value) if name == "upn" else value.lower()


def owners(name: str, values: Sequence[str]) -> dict[str, str]:
    """Owners of the values: comparison key to personnel number, of persons who are not Locked."""
    found: dict[str, str] = {}
    for some in in_chunks(sorted({value.lower() for value in values})):
        rows = _having(name, some).values_list(name, "personnel_number")
        found |= {compared(name, value): number for value, number in rows}
    return found


def _having(name: str, values: Sequence[str]) -> QuerySet[Person]:
    """Persons not Locked who have one of the values; of a UPN also those without a key, by its letters."""
    persons = Person.objects.exclude(state=PersonState.LOCKED).annotate(lowered=Lower(name))
    same = Q(lowered__in=values)
    if name == "upn":
        same |= Q(upn_key__in=[upn_key(value) for value in values])
    return persons.filter(same)


def refuse_duplicates(rows: "Sequence[PlannedRow]") -> None:
    """Refuse rows with values of another person, or of an earlier line of the file.

    Whose an external id is, which has no index, the second officer's confirmation looks up.
    """
    for name in IN_CERTIFICATES:
        claims = [row for row in rows if not row.errors and row.changes.get(name) and not _locked(row)]
        taken = owners(name, [row.changes[name] for row in claims])
        lines: dict[str, int] = {}
        for row in claims:
            value = compared(name, row.changes[name])
            if taken.get(value, row.personnel_number) != row.personnel_number:
                row.refuse(name, _("Belongs to person %(number)s already.") % {"number": taken[value]})
            elif value in lines:
                row.refuse(name, _("Stands in line %(line)s already.") % {"line": lines[value]})
            lines.setdefault(value, row.line)


def _locked(row: "PlannedRow") -> bool:
    return row.changes.get("state") == PersonState.LOCKED
