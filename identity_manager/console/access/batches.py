"""Permissions on batch orders: functions that return the object, or raise 404 or 403."""

import uuid

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access.offices import NOT_YOUR_OFFICE, officer, within_units
from identity_manager.models import BatchOrder, Person, Role
from identity_manager.models.batch.order import BatchOrderQuerySet
from identity_manager.models.people.person import EVERYTHING
from identity_manager.ui.context import BATCH_READERS
from identity_manager.workflow.batch.kinds import KINDS
from identity_manager.workflow.batch.kinds.kind import OrderKind

GIVERS = tuple(dict.fromkeys(kind.office for kind in KINDS.values()))


def batch_reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may read batch orders."""
    return officer(request, *BATCH_READERS)


def batch_giver(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may give at least one kind of batch order."""
    return officer(request, *GIVERS)


def kinds_of(actor: Person) -> list[OrderKind]:
    """Return the kinds of batch orders that the officer may give."""
    return [kind for kind in KINDS.values() if actor.has_role(kind.office)]


def kind_for(actor: Person, name: str) -> OrderKind:
    """Return the kind of that name; raise PermissionDenied if the officer may not give it."""
    kind = next((each for each in kinds_of(actor) if each.kind == name), None)
    if kind is None:
        raise PermissionDenied(NOT_YOUR_OFFICE)
    return kind


def reads_all_batches(actor: Person) -> bool:
    """Return whether the officer reads persons of all units, and so the orders of other officers."""
    return within_units(actor, BATCH_READERS, "organisational_unit") == EVERYTHING


def visible_batches(actor: Person) -> BatchOrderQuerySet:
    """Return the batch orders that the officer may read: their own, and those of a role held for all units.

    Auditors of every unit read all.
    """
    everywhere = {each.role for each in actor.roles_in_force() if not each.organisational_unit}
    rows = BatchOrder.objects.listed()
    if Role.AUDITOR in everywhere:
        return rows
    return rows.filter(Q(asked_by=actor) | Q(office__in=everywhere))


def batch_for_officer(request: HttpRequest, pk: uuid.UUID) -> BatchOrder:
    """Return the batch order to an officer who may read it."""
    return get_object_or_404(visible_batches(batch_reader(request)), pk=pk)


def batch_for_giver(request: HttpRequest, pk: uuid.UUID) -> BatchOrder:
    """Return the batch order to an officer who may give some kind; the verb checks this one."""
    batch_giver(request)
    return batch_for_officer(request, pk)
