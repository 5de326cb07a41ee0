"""Permissions of officers: functions return the object, or raise 404 (must not know) or 403 (must not do).

A role limited to an organisational unit reaches the persons of that unit and their objects.
"""

import uuid
from collections.abc import Iterable
from functools import reduce
from operator import or_

from django.core.exceptions import PermissionDenied
from django.db.models import (
    Q,
    prefetch_related_objects,
)
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    OFFICER_ROLES,
    Person,
    Role,
    SavedSearch,
)
from identity_manager.models.people.person import EVERYTHING
from identity_manager.people.saved_searches import REPORT
from identity_manager.ui.context import (
    ADMINISTRATORS,
    REQUEST_READERS,
    SEARCHERS,
)

NO_OFFICE = _(
    "Identity Manager is for officers, and you have no role in it. Your own software tokens are in "
    "Self-Service."
)
NOT_YOUR_OFFICE = _("None of your roles opens this page.")

# Approvers read requests that need or needed an approval; the others every request of their units.
ALL_REQUESTS_READERS = REQUEST_READERS - {Role.APPROVER}
MAIL_READERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.AUDITOR})
MAIL_ADMINISTRATORS = frozenset({Role.TOKEN_ADMINISTRATOR})
MAIL_HANDLERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.SYSTEM_ADMINISTRATOR})
CATALOGUE_READERS = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.AUDITOR})
ROLE_GIVERS = frozenset({Role.USER_ADMINISTRATOR, Role.REGISTRATION_OFFICER})
OFFICE_READERS = frozenset({Role.USER_ADMINISTRATOR, Role.AUDITOR})


def officer(request: HttpRequest, *roles: Role) -> Person:
    """Return the signed-in officer; raise PermissionDenied unless they hold one of the roles.

    Without roles, any role of an officer is enough.
    """
    person: Person | None = getattr(request, "person", None)
    if person is None or not person.is_active:
        raise PermissionDenied(NO_OFFICE)
    prefetch_related_objects([person], "roles")
    held = {assignment.role for assignment in person.roles_in_force()}
    if held.isdisjoint(OFFICER_ROLES):
        raise PermissionDenied(NO_OFFICE)
    if roles and held.isdisjoint(roles):
        raise PermissionDenied(NOT_YOUR_OFFICE)
    return person


def holds(actor: Person, roles: Iterable[str]) -> bool:
    """Return whether the actor holds one of the roles in any unit."""
    return not set(roles).isdisjoint(held.role for held in actor.roles_in_force())


def within_units(actor: Person, roles: Iterable[str], unit_field: str) -> Q:
    """Return the Q object for the scope of these roles: everything, the rows of their units, or nothing."""
    return actor.reach(roles, unit_field)


def _any_of(*conditions: Q) -> Q:
    """Return the disjunction of the scopes; EVERYTHING replaces all others, which avoids joins."""
    return EVERYTHING if EVERYTHING in conditions else reduce(or_, conditions)


def searcher(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may search persons."""
    return officer(request, *SEARCHERS)


def finder(request: HttpRequest, readers: Iterable[str]) -> Person:
    """Return the officer; raise PermissionDenied unless they hold a role that may search this."""
    return officer(request, *(Role(role) for role in readers))


def system_reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may read the installation's configuration."""
    return officer(request, *ADMINISTRATORS)


def catalogue_reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may read types, terms and CAs."""
    return officer(request, *CATALOGUE_READERS)


def office_reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may read role assignments."""
    return officer(request, *OFFICE_READERS)


def group_reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may read approver groups (POST: edit)."""
    return group_keeper(request) if request.method == "POST" else office_reader(request)


def group_keeper(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may edit groups; the verb checks the unit."""
    return officer(request, Role.USER_ADMINISTRATOR)


def saved_search(request: HttpRequest, pk: uuid.UUID) -> SavedSearch:
    """Return a saved search or report to its owner."""
    actor = officer(request)
    return get_object_or_404(SavedSearch.objects.select_related("owner"), pk=pk, owner=actor)


def saved_report(request: HttpRequest, pk: uuid.UUID) -> SavedSearch:
    """Return a saved report to its owner; the report itself checks whether they may still read it."""
    rows = SavedSearch.objects.select_related("owner").filter(owner=officer(request), kind=REPORT)
    return get_object_or_404(rows, pk=pk)
