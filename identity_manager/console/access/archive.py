"""Permissions on the key archive: functions that return the object, or raise 404 or 403."""

import uuid
from collections.abc import Collection

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access import offices
from identity_manager.models import ArchiveExport, Person, RecoveryCertificate, RecoveryDrill, Role
from identity_manager.ui.context import ARCHIVE_READERS

BRINGERS = frozenset({Role.RECOVERY_OFFICER, Role.SYSTEM_ADMINISTRATOR})


def archive_reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may list recovery certificates."""
    return _everywhere(request, ARCHIVE_READERS)


def bringer(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may import a recovery certificate."""
    return _everywhere(request, BRINGERS)


def recovery_officer(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they decide on recovery keys."""
    return _everywhere(request, {Role.RECOVERY_OFFICER})


def _everywhere(request: HttpRequest, roles: Collection[str]) -> Person:
    """Return the officer; raise PermissionDenied unless they hold a role for all units."""
    actor = offices.officer(request, *(Role(role) for role in roles))
    if all(held.organisational_unit for held in actor.roles_in_force() if held.role in roles):
        raise PermissionDenied(offices.NOT_YOUR_OFFICE)
    return actor


def recovery_certificate(request: HttpRequest, pk: uuid.UUID) -> RecoveryCertificate:
    """Return the recovery certificate to an archive reader."""
    archive_reader(request)
    rows = RecoveryCertificate.objects.select_related("imported_by", "first_by", "second_by", "retired_by")
    found: RecoveryCertificate = get_object_or_404(rows, pk=pk)
    return found


def recovery_drill(request: HttpRequest, pk: uuid.UUID) -> RecoveryDrill:
    """Return the recovery drill to a Recovery Officer."""
    recovery_officer(request)
    rows = RecoveryDrill.objects.select_related("asked_by", "certificate")
    found: RecoveryDrill = get_object_or_404(rows, pk=pk)
    return found


def archive_export(request: HttpRequest, pk: uuid.UUID) -> ArchiveExport:
    """Return the archive export to a Recovery Officer."""
    recovery_officer(request)
    found: ArchiveExport = get_object_or_404(ArchiveExport.objects.select_related("asked_by"), pk=pk)
    return found
