"""Permissions on delivery problems; the scope is the persons of the officer's units."""

import uuid

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from identity_manager.console.access.offices import officer, within_units
from identity_manager.models import DeliveryProblem, Person
from identity_manager.models.mail.delivery_problem import DECIDERS


def decided_by(actor: Person) -> QuerySet[DeliveryProblem]:
    """Return the problems that the actor may decide: none of their own, none that they vouched for."""
    rows = DeliveryProblem.objects.decidable_by(actor, timezone.now())
    related = rows.select_related("token__person", "token__token_type")
    return related.defer("token__passphrase_wrapped", "token__snapshot")


def problem(request: HttpRequest, pk: uuid.UUID) -> DeliveryProblem:
    """Return a delivery problem, decided or not, of a person in the administrator's units."""
    actor = officer(request, *DECIDERS)
    reach = within_units(actor, DECIDERS, "token__person__organisational_unit")
    rows = DeliveryProblem.objects.filter(reach)
    rows = rows.select_related("token__token_type", "token__person", "token__request", "mail", "ended_by")
    return get_object_or_404(rows.defer("token__passphrase_wrapped"), pk=pk)
