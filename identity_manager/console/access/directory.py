"""Permissions on directory sources and their runs: functions that return the object, or raise 404 or 403."""

import uuid

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access import administration, offices
from identity_manager.directory import sources
from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.models import DirectoryRun, Person, Role, ScimToken
from identity_manager.people import directory_policy, registration_policy

READERS = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.REGISTRATION_OFFICER, Role.AUDITOR})


def reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may read sources and run counts."""
    return offices.officer(request, *READERS)


def sees_persons(actor: Person) -> bool:
    """Return whether the actor may read the persons of a run; System Administrators may not."""
    return actor.has_role(Role.AUDITOR, unit="") or registration_policy.registers_everywhere(actor)


def source_for_reader(request: HttpRequest, name: str) -> tuple[Person, SourceConfiguration]:
    """Return the officer and a configured source."""
    actor, found = reader(request), sources.configuration_of(name)
    if found is None:
        raise Http404
    return actor, found


def source_to_start(request: HttpRequest, name: str) -> tuple[Person, SourceConfiguration]:
    """Return the officer and a configured source; raise PermissionDenied unless they may start a run."""
    actor, found = source_for_reader(request, name)
    reason = directory_policy.starting_obstacle(actor)
    if reason is not None:
        raise PermissionDenied(reason.sentence)
    return actor, found


def run_for_reader(request: HttpRequest, pk: uuid.UUID) -> tuple[Person, DirectoryRun]:
    """Return the officer and a run."""
    actor = reader(request)
    rows = DirectoryRun.objects.select_related("source", "started_by", "asked_by", "decided_by")
    return actor, get_object_or_404(rows, pk=pk)


def run_to_decide(request: HttpRequest, pk: uuid.UUID) -> tuple[Person, DirectoryRun]:
    """Return a Registration Officer of all units and a run."""
    actor, row = run_for_reader(request, pk)
    if not registration_policy.registers_everywhere(actor):
        raise PermissionDenied(directory_policy.NOT_EVERYWHERE.sentence)
    return actor, row


def scim_source(request: HttpRequest, name: str) -> tuple[Person, SourceConfiguration]:
    """Return the officer and a source that SCIM writes to."""
    actor, found = source_for_reader(request, name)
    if found.kind != "scim":
        raise Http404
    return actor, found


def scim_token(request: HttpRequest, pk: uuid.UUID) -> ScimToken:
    """Return the token of a SCIM client to a System Administrator."""
    administration.administrator(request)
    return get_object_or_404(ScimToken.objects.select_related("source", "asked_by"), pk=pk)
