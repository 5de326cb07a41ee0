"""Permissions on targets: functions that return the object, or raise 404 or 403."""

import uuid

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access import administration, offices
from identity_manager.models import Person, Placement, Target, TargetUse
from identity_manager.targets import connectors


def target_for_reader(request: HttpRequest, name: str) -> tuple[Person, str]:
    """Return the officer and the name of a target; raise 404 unless it is or was configured."""
    actor = offices.catalogue_reader(request)
    if connectors.configuration_of(name) is None and not Target.objects.filter(name=name).exists():
        raise Http404
    return actor, name


def target_to_change(request: HttpRequest, name: str) -> tuple[Person, str]:
    """Return the officer and a target to a System Administrator of all units."""
    administration.administrator(request)
    return target_for_reader(request, name)


def use(request: HttpRequest, pk: uuid.UUID) -> tuple[Person, TargetUse]:
    """Return the System Administrator and the use of a target by a token type."""
    actor = administration.administrator(request)
    return actor, get_object_or_404(TargetUse.objects.select_related("target", "asked_by"), pk=pk)


def placement(request: HttpRequest, pk: uuid.UUID) -> tuple[Person, Placement]:
    """Return the System Administrator and the placement of a certificate at a target."""
    actor = administration.administrator(request)
    rows = Placement.objects.select_related("target", "certificate")
    return actor, get_object_or_404(rows, pk=pk)
