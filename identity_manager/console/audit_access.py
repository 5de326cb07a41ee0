"""Who may see what of the audit log and of erasures: named fetches, as those of console.access."""

import uuid

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console import access
from identity_manager.models import AuditEvent, Person, PersonErasure, Role, SoftwareToken, TokenRequest

LOG_CHECKERS = frozenset({Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR})


def visible_events(actor: Person) -> QuerySet[AuditEvent]:
    """The events of the audit log that this officer may read: about whom and what they may read.

    Auditors without a unit read every event, System Administrators those about the system.
    """
    if access.within_units(actor, {Role.AUDITOR}, "person__organisational_unit") == access.EVERYTHING:
        return AuditEvent.objects.all()
    reached = Q(person__in=access.visible_persons(actor)) | Q(request__in=access.visible_requests(actor))
    if access.holds(actor, {Role.SYSTEM_ADMINISTRATOR}):
        reached |= Q(person=None, request=None, person_ref="")
    return AuditEvent.objects.filter(reached)


def log_checker(request: HttpRequest) -> Person:
    """The officer, if they may have the audit log checked."""
    return access.officer(request, *LOG_CHECKERS)


def erasure_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> PersonErasure:
    """The erasure, for a Registration Officer of its person's unit."""
    access.officer(request, Role.REGISTRATION_OFFICER)
    erasure = get_object_or_404(PersonErasure, pk=pk)
    erasure.person = access.person_for_registration_officer(request, erasure.person_id)
    return erasure


def request_for_auditor(request: HttpRequest, pk: uuid.UUID) -> TokenRequest:
    """The request, for an Auditor who may read it."""
    access.officer(request, Role.AUDITOR)
    return access.request_for_officer(request, pk)


def token_for_auditor(request: HttpRequest, pk: uuid.UUID) -> SoftwareToken:
    """The token, for an Auditor who may read its request. Its secrets are not read."""
    actor = access.officer(request, Role.AUDITOR)
    rows = SoftwareToken.objects.filter(request__in=access.visible_requests(actor))
    rows = rows.defer("passphrase_wrapped")
    found: SoftwareToken = get_object_or_404(rows, pk=pk)
    return found
