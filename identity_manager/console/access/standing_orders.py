"""Permissions on standing orders and groups: functions that return the object, or raise 404 or 403."""

import uuid

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access import offices
from identity_manager.models import DirectoryGroup, Person, Role, StandingOrder
from identity_manager.people import directory_policy, registration_policy
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.standing_orders.orders import NOT_KEEPER

READERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.AUDITOR})
GROUP_READERS = READERS | {Role.REGISTRATION_OFFICER}


def reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may read standing orders and their counts."""
    return offices.officer(request, *READERS)


def order_for_reader(request: HttpRequest, pk: uuid.UUID) -> tuple[Person, StandingOrder]:
    """Return the officer and a standing order."""
    actor = reader(request)
    rows = StandingOrder.objects.select_related("group", "asked_by", "decided_by")
    return actor, get_object_or_404(rows, pk=pk)


def order_for_keeper(request: HttpRequest, pk: uuid.UUID) -> tuple[Person, StandingOrder]:
    """Return the officer and a standing order; raise PermissionDenied unless they may change it."""
    return keeper(request), order_for_reader(request, pk)[1]


def keeper(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may create, confirm and end standing orders."""
    actor = offices.officer(request, Role.TOKEN_ADMINISTRATOR)
    if not eligibility.administers_everywhere(actor):
        raise PermissionDenied(NOT_KEEPER.sentence)
    return actor


def sees_persons(actor: Person) -> bool:
    """Return whether the officer reads persons of all units: a standing order spans all units."""
    return eligibility.administers_everywhere(actor) or actor.has_role(Role.AUDITOR, unit="")


def group_reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may list groups."""
    return offices.officer(request, *GROUP_READERS)


def group_for_reader(request: HttpRequest, pk: uuid.UUID) -> tuple[Person, DirectoryGroup]:
    """Return the officer and a group; raise PermissionDenied unless they read persons of all units."""
    actor = group_reader(request)
    if not (sees_persons(actor) or keeps_groups(actor)):
        raise PermissionDenied(offices.NOT_YOUR_OFFICE)
    return actor, get_object_or_404(DirectoryGroup.objects.select_related("source"), pk=pk)


def keeps_groups(actor: Person) -> bool:
    """Return whether the officer may create and change groups by hand."""
    return registration_policy.registers_everywhere(actor)


def group_keeper(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may create and change groups by hand."""
    actor = offices.officer(request, Role.REGISTRATION_OFFICER)
    if not keeps_groups(actor):
        raise PermissionDenied(directory_policy.NOT_EVERYWHERE.sentence)
    return actor
