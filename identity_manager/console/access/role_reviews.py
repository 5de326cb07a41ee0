"""Permissions on recertifications of roles: User Administrators and Auditors, within their units."""

import uuid

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access.offices import OFFICE_READERS, office_reader, officer, within_units
from identity_manager.models import Person, Recertification, Role, RoleReview

DECIDERS = frozenset({Role.USER_ADMINISTRATOR})


def user_administrator(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they are User Administrator of any unit."""
    return officer(request, *DECIDERS)


def recertification(request: HttpRequest, pk: uuid.UUID) -> Recertification:
    """Return the campaign to an officer who reads role assignments; on POST, to a User Administrator only."""
    user_administrator(request) if request.method == "POST" else office_reader(request)
    return get_object_or_404(Recertification.objects.select_related("opened_by"), pk=pk)


def recertification_to_read(request: HttpRequest, pk: uuid.UUID) -> Recertification:
    """Return the campaign to an officer who reads role assignments, for any HTTP method."""
    office_reader(request)
    return get_object_or_404(Recertification.objects.select_related("opened_by"), pk=pk)


def visible_reviews(actor: Person) -> QuerySet[RoleReview]:
    """Return the role reviews of persons in the reader's units."""
    reach = within_units(actor, OFFICE_READERS, "person__organisational_unit")
    return RoleReview.objects.filter(reach).select_related("person", "assigned_by", "decided_by")


def review(request: HttpRequest, pk: uuid.UUID) -> RoleReview:
    """Return one role review to a User Administrator of the person's unit."""
    actor = user_administrator(request)
    reach = within_units(actor, DECIDERS, "person__organisational_unit")
    return get_object_or_404(RoleReview.objects.filter(reach).select_related("person", "campaign"), pk=pk)
