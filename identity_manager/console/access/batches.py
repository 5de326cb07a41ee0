"""Permissions on batch orders: fetches that return the object, or raise 404 or 403."""

import uuid

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access.offices import officer, within_units
from identity_manager.models import BatchOrder, Person, Role
from identity_manager.models.batch.order import BatchOrderQuerySet
from identity_manager.models.people.person import EVERYTHING
from identity_manager.ui.context import BATCH_READERS


def batch_reader(request: HttpRequest) -> Person:
    """The officer, if they may read batch orders."""
    return officer(request, *BATCH_READERS)


def batch_giver(request: HttpRequest) -> Person:
    """The officer, if they may give batch orders."""
    return officer(request, Role.TOKEN_ADMINISTRATOR)


def reads_all_batches(actor: Person) -> bool:
    """Whether the officer reads others' orders too: those who read persons of every unit."""
    return within_units(actor, BATCH_READERS, "organisational_unit") == EVERYTHING


def visible_batches(actor: Person) -> BatchOrderQuerySet:
    """The batch orders that this officer may read: their own, or all."""
    rows = BatchOrder.objects.listed()
    return rows if reads_all_batches(actor) else rows.filter(asked_by=actor)


def batch_for_officer(request: HttpRequest, pk: uuid.UUID) -> BatchOrder:
    """The batch order, for who may read it."""
    return get_object_or_404(visible_batches(batch_reader(request)), pk=pk)


def batch_for_giver(request: HttpRequest, pk: uuid.UUID) -> BatchOrder:
    """The batch order, for a Software Token Administrator; whether they may is the verb's word."""
    batch_giver(request)
    return batch_for_officer(request, pk)
