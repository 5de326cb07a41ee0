"""Permissions on API clients: functions that return the object, or raise 404 or 403."""

import uuid

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access import administration, offices
from identity_manager.models import ApiClient, Person, Role

READERS = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.AUDITOR})


def reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may list API clients."""
    return offices.officer(request, *READERS)


def client(request: HttpRequest, pk: uuid.UUID) -> ApiClient:
    """Return the API client to a System Administrator of all units."""
    administration.administrator(request)
    return get_object_or_404(ApiClient.objects.select_related("asked_by"), pk=pk)
