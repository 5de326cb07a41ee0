"""Permissions on targets: fetches that return the object, or raise 404 or 403."""

import uuid

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access import offices
from identity_manager.models import Person, Placement, Role, Target, TargetUse
from identity_manager.targets import connectors


def target_for_reader(request: HttpRequest, name: str) -> tuple[Person, str]:
    """The officer and the name of a target that is configured, or was."""
    actor = offices.catalogue_reader(request)
    if connectors.configuration_of(name) is None and not Target.objects.filter(name=name).exists():
        raise Http404
    return actor, name


def administrator(request: HttpRequest) -> Person:
    """The officer, if they may manage targets: a System Administrator of all units."""
    actor = offices.officer(request, Role.SYSTEM_ADMINISTRATOR)
    if not actor.has_role(Role.SYSTEM_ADMINISTRATOR, unit=""):  # a target has persons of any unit
        raise PermissionDenied(offices.NOT_YOUR_OFFICE)
    return actor


def target_to_change(request: HttpRequest, name: str) -> tuple[Person, str]:
    """The officer and a target, for System Administrators."""
    administrator(request)
    return target_for_reader(request, name)


def use(request: HttpRequest, pk: uuid.UUID) -> tuple[Person, TargetUse]:
    """The use of a target by a type, for System Administrators."""
    actor = administrator(request)
    return actor, get_object_or_404(TargetUse.objects.select_related("target", "asked_by"), pk=pk)


def placement(request: HttpRequest, pk: uuid.UUID) -> tuple[Person, Placement]:
    """A certificate at a target, for System Administrators."""
    actor = administrator(request)
    rows = Placement.objects.select_related("target", "certificate")
    return actor, get_object_or_404(rows, pk=pk)
