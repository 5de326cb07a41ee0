"""Permissions on the forecast of renewals: tokens within the officer's units."""

from django.db.models import Q
from django.http import HttpRequest

from identity_manager.console.access.offices import officer, within_units
from identity_manager.models import Person, Role

RENEWAL_READERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.AUDITOR})


def renewal_reader(request: HttpRequest) -> Person:
    """The officer, if they may see which tokens end and who renews them."""
    return officer(request, *RENEWAL_READERS)


def within_reach(actor: Person) -> Q:
    """Tokens of persons within the officer's units."""
    return within_units(actor, RENEWAL_READERS, "person__organisational_unit")
