"""Permissions on the report of accepted terms; the scope is the persons of the officer's units."""

from django.db.models import Q
from django.http import HttpRequest

from identity_manager.console.access.offices import officer, within_units
from identity_manager.models import Person, Role

ACCEPTANCE_READERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.AUDITOR})


def acceptance_reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may see who has accepted which terms."""
    return officer(request, *ACCEPTANCE_READERS)


def within_reach(actor: Person, unit_field: str = "organisational_unit") -> Q:
    """Return the Q object that limits rows to persons of the officer's units."""
    return within_units(actor, ACCEPTANCE_READERS, unit_field)
