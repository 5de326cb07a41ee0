"""Permissions on audit log and erasures: functions that return the object, or raise 404 or 403."""

import uuid
from collections.abc import Collection

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.access import offices, persons, requests
from identity_manager.models import AuditEvent, Person, PersonErasure, Role, SoftwareToken, TokenRequest
from identity_manager.models.audit.audit_event import AuditEventQuerySet
from identity_manager.models.people.person import EVERYTHING
from identity_manager.ui.context import SEARCHERS

# Events that a User Administrator reads: roles assigned and withdrawn.
ABOUT_ROLES = tuple(
    each.value
    for each in (
        *(Event.ROLE_ASSIGNED, Event.ROLE_WITHDRAWN, Event.ROLE_ENDED),
        *(Event.ROLE_CONFIRMED, Event.ROLE_NOT_CONFIRMED),
    )
)
NOT_WHOLE_LOG = _("An audit pack is about everybody, and your role of an Auditor has a limit to a unit.")
WHO_READ_ALL = SEARCHERS - {Role.USER_ADMINISTRATOR}
LOG_CHECKERS = frozenset({Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR})


def visible_events(actor: Person) -> AuditEventQuerySet:
    """Return the audit events of the persons and requests that the officer may read.

    Auditors without a unit read every event, System Administrators those about the system, User
    Administrators role events of persons.
    """
    if offices.within_units(actor, {Role.AUDITOR}, "person__organisational_unit") == EVERYTHING:
        return AuditEvent.objects.all()
    reached = Q(person__in=_persons_of(actor, WHO_READ_ALL)) | Q(request__in=requests.visible_requests(actor))
    reached |= Q(person__in=_persons_of(actor, {Role.USER_ADMINISTRATOR}), name__in=ABOUT_ROLES)
    if offices.holds(actor, {Role.SYSTEM_ADMINISTRATOR}):
        reached |= Q(person=None, request=None, person_ref="")
    return AuditEvent.objects.filter(reached)


def reads_all(actor: Person, person: Person) -> bool:
    """Return whether the officer reads all events of the person; otherwise they read role events only."""
    held = [each for each in actor.roles_in_force() if each.role in WHO_READ_ALL]
    return any(each.organisational_unit in ("", person.organisational_unit) for each in held)


def _persons_of(actor: Person, roles: Collection[str]) -> QuerySet[Person]:
    return Person.objects.filter(offices.within_units(actor, roles, "organisational_unit"))


def log_checker(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may start a check of the audit log."""
    return offices.officer(request, *LOG_CHECKERS)


def whole_log_reader(request: HttpRequest) -> Person:
    """Return the Auditor; raise PermissionDenied if their role is limited to a unit."""
    actor = offices.officer(request, Role.AUDITOR)
    if not reads_whole_log(actor):
        raise PermissionDenied(NOT_WHOLE_LOG)
    return actor


def reads_whole_log(actor: Person) -> bool:
    """Return whether the actor is Auditor of all units."""
    return offices.within_units(actor, {Role.AUDITOR}, "organisational_unit") == EVERYTHING


def erasure_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> PersonErasure:
    """Return the erasure to a Registration Officer of the person's unit."""
    offices.officer(request, Role.REGISTRATION_OFFICER)
    erasure = get_object_or_404(PersonErasure, pk=pk)
    erasure.person = persons.person_for_registration_officer(request, erasure.person_id)
    return erasure


def request_for_auditor(request: HttpRequest, pk: uuid.UUID) -> TokenRequest:
    """Return the request to an Auditor who may read it."""
    offices.officer(request, Role.AUDITOR)
    return requests.request_for_officer(request, pk)


def token_for_auditor(request: HttpRequest, pk: uuid.UUID) -> SoftwareToken:
    """Return the token to an Auditor who may read its request. Defers the wrapped passphrase."""
    actor = offices.officer(request, Role.AUDITOR)
    rows = SoftwareToken.objects.filter(request__in=requests.visible_requests(actor))
    rows = rows.defer("passphrase_wrapped")
    found: SoftwareToken = get_object_or_404(rows, pk=pk)
    return found
