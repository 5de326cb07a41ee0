"""Permissions on persons, imports, identity changes and sign-in codes: objects, or 404 or 403."""

import uuid

from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access.offices import ROLE_GIVERS, officer, searcher, within_units
from identity_manager.console.access.requests import _must_administer, row_or_404
from identity_manager.models import IdentityChange, Person, PersonImport, Role, RoleAssignment, SignInCode
from identity_manager.models.people.person import EVERYTHING, PersonQuerySet
from identity_manager.people import registration_policy
from identity_manager.queries import console_pages
from identity_manager.ui.context import SEARCHERS
from identity_manager.workflow.people import imports


def visible_persons(actor: Person) -> PersonQuerySet:
    """Return the persons whom the officer may search and read."""
    return Person.objects.filter(within_units(actor, SEARCHERS, "organisational_unit"))


def may_see(actor: Person, person: Person) -> bool:
    """Return whether the officer may read the person: visible_persons for one person, without a query."""
    held = [each for each in actor.roles_in_force() if each.role in SEARCHERS]
    return any(each.organisational_unit in ("", person.organisational_unit) for each in held)


def person_for_officer(request: HttpRequest, pk: uuid.UUID) -> Person:
    """Return the person to an officer who may read them."""
    actor = searcher(request)
    if within_units(actor, SEARCHERS, "organisational_unit") == EVERYTHING:
        return row_or_404(console_pages.person(pk))
    return get_object_or_404(console_pages.persons_page(visible_persons(actor)), pk=pk)


def person_for_administrator(request: HttpRequest, pk: uuid.UUID) -> Person:
    """Return the person to a Software Token Administrator of their unit."""
    person = person_for_officer(request, pk)
    _must_administer(officer(request), person)
    return person


def registration_officer(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they are Registration Officer of any unit."""
    return officer(request, Role.REGISTRATION_OFFICER)


def importer(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they are Registration Officer of all units."""
    actor = registration_officer(request)
    reason = imports.officer_obstacle(actor)
    if reason is not None:
        raise PermissionDenied(reason.sentence)
    return actor


def import_for_officer(request: HttpRequest, pk: uuid.UUID) -> PersonImport:
    """Return the import to an officer who may import. The planner reads its file."""
    importer(request)
    rows = PersonImport.objects.select_related("asked_by", "decided_by")
    return get_object_or_404(rows, pk=pk)


def person_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> Person:
    """Return the person to a Registration Officer of their unit."""
    person = person_for_officer(request, pk)
    if not registration_policy.registers(officer(request), person):
        raise PermissionDenied(registration_policy.NOT_REGISTRATION_OFFICER.sentence)
    return person


def person_for_roles(request: HttpRequest, pk: uuid.UUID) -> Person:
    """Return the person to an officer who assigns roles or reads assignments; the verb checks the role."""
    officer(request, *ROLE_GIVERS, *(() if request.method == "POST" else (Role.AUDITOR,)))
    person = person_for_officer(request, pk)
    roles = RoleAssignment.objects.select_related("assigned_by")
    prefetch_related_objects([person], Prefetch("roles", roles))
    return person


def person_for_deputies(request: HttpRequest, pk: uuid.UUID) -> Person:
    """Return the person to a User Administrator who sees them, or, except on POST, to an Auditor."""
    officer(request, Role.USER_ADMINISTRATOR, *(() if request.method == "POST" else (Role.AUDITOR,)))
    person = person_for_officer(request, pk)
    prefetch_related_objects([person], "roles")
    return person


def person_for_user_administrator(request: HttpRequest, pk: uuid.UUID) -> Person:
    """Return the person to a User Administrator who sees them."""
    officer(request, Role.USER_ADMINISTRATOR)
    return person_for_officer(request, pk)


def identity_change_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> IdentityChange:
    """Return the identity change to a Registration Officer of the person's unit."""
    officer(request, Role.REGISTRATION_OFFICER)
    rows = IdentityChange.objects.select_related("asked_by", "decided_by")
    change = get_object_or_404(rows, pk=pk)
    change.person = person_for_registration_officer(request, change.person_id)
    return change


def identity_changes_for_registration_officer(request: HttpRequest) -> QuerySet[IdentityChange]:
    """Return the identity changes of persons in the Registration Officer's units."""
    actor = officer(request, Role.REGISTRATION_OFFICER)
    roles = frozenset({Role.REGISTRATION_OFFICER})
    rows = IdentityChange.objects.select_related("person", "asked_by")
    return rows.filter(within_units(actor, roles, "person__organisational_unit"))


def sign_in_code_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> SignInCode:
    """Return the sign-in code to a Registration Officer of the person's unit. Defers the hash."""
    officer(request, Role.REGISTRATION_OFFICER)
    rows = SignInCode.objects.select_related("asked_by", "decided_by").defer("code_hash")
    code = get_object_or_404(rows, pk=pk)
    code.person = person_for_registration_officer(request, code.person_id)
    return code
