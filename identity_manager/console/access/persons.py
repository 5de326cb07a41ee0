"""Permissions on persons, imports, identity changes and sign-in codes: objects, or 404 or 403."""

import uuid

from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access.offices import ROLE_GIVERS, officer, searcher, within_units
from identity_manager.console.access.requests import _must_administer
from identity_manager.models import IdentityChange, Person, PersonImport, Role, RoleAssignment, SignInCode
from identity_manager.models.people.person import PersonQuerySet
from identity_manager.people import registration_policy
from identity_manager.ui.context import SEARCHERS
from identity_manager.workflow.people import imports, sign_in_code_policy


def visible_persons(actor: Person) -> PersonQuerySet:
    """The persons whom this officer may search and read."""
    return Person.objects.filter(within_units(actor, SEARCHERS, "organisational_unit"))


def may_see(actor: Person, person: Person) -> bool:
    """Whether this officer may search and read the person; as visible_persons, without a query."""
    held = [each for each in actor.roles_in_force() if each.role in SEARCHERS]
    return any(each.organisational_unit in ("", person.organisational_unit) for each in held)


def person_for_officer(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for who may read them."""
    rows = visible_persons(searcher(request)).select_related("manager", "account", "directory_link__source")
    return get_object_or_404(rows.defer("account__password"), pk=pk)


def person_for_administrator(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for a Software Token Administrator of their organisational unit."""
    person = person_for_officer(request, pk)
    _must_administer(officer(request), person)
    return person


def registration_officer(request: HttpRequest) -> Person:
    """The officer, if they are a Registration Officer somewhere."""
    return officer(request, Role.REGISTRATION_OFFICER)


def importer(request: HttpRequest) -> Person:
    """The officer, if they are a Registration Officer of every organisational unit."""
    actor = registration_officer(request)
    reason = imports.officer_obstacle(actor)
    if reason is not None:
        raise PermissionDenied(reason.sentence)
    return actor


def import_for_officer(request: HttpRequest, pk: uuid.UUID) -> PersonImport:
    """The import, for who may import. Its file is read where it is planned."""
    importer(request)
    rows = PersonImport.objects.select_related("asked_by", "decided_by")
    return get_object_or_404(rows, pk=pk)


def person_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for a Registration Officer of their organisational unit."""
    person = person_for_officer(request, pk)
    if not sign_in_code_policy.is_officer_for(officer(request), person):
        raise PermissionDenied(registration_policy.NOT_REGISTRATION_OFFICER.sentence)
    return person


def person_for_roles(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for officers who assign roles or read assignments; the verb checks which roles."""
    officer(request, *ROLE_GIVERS, *(() if request.method == "POST" else (Role.AUDITOR,)))
    person = person_for_officer(request, pk)
    roles = RoleAssignment.objects.select_related("assigned_by")
    prefetch_related_objects([person], Prefetch("roles", roles))
    return person


def person_for_deputies(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for a User Administrator who sees them, or an Auditor who reads."""
    officer(request, Role.USER_ADMINISTRATOR, *(() if request.method == "POST" else (Role.AUDITOR,)))
    person = person_for_officer(request, pk)
    prefetch_related_objects([person], "roles")
    return person


def person_for_user_administrator(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for a User Administrator who sees them."""
    officer(request, Role.USER_ADMINISTRATOR)
    return person_for_officer(request, pk)


def identity_change_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> IdentityChange:
    """The change of identity, for a Registration Officer of its person's unit."""
    officer(request, Role.REGISTRATION_OFFICER)
    rows = IdentityChange.objects.select_related("asked_by", "decided_by")
    change = get_object_or_404(rows, pk=pk)
    change.person = person_for_registration_officer(request, change.person_id)
    return change


def identity_changes_for_registration_officer(request: HttpRequest) -> QuerySet[IdentityChange]:
    """The changes of identity of the persons of this Registration Officer's units."""
    actor = officer(request, Role.REGISTRATION_OFFICER)
    roles = frozenset({Role.REGISTRATION_OFFICER})
    rows = IdentityChange.objects.select_related("person", "asked_by")
    return rows.filter(within_units(actor, roles, "person__organisational_unit"))


def sign_in_code_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> SignInCode:
    """The sign-in code, for a Registration Officer of its person's unit. Its hash is not read."""
    officer(request, Role.REGISTRATION_OFFICER)
    rows = SignInCode.objects.select_related("asked_by", "decided_by").defer("code_hash")
    code = get_object_or_404(rows, pk=pk)
    code.person = person_for_registration_officer(request, code.person_id)
    return code
