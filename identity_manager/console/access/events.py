"""Permissions on SIEM sinks and webhooks."""

import uuid

from django.conf import settings
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access import administration, offices
from identity_manager.models import Person, Webhook


def reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may read SIEM sinks and webhooks."""
    return offices.catalogue_reader(request)


def siem_sink(request: HttpRequest, name: str) -> Person:
    """Return the System Administrator; raise 404 unless the sink is configured."""
    actor = administration.administrator(request)
    if name not in settings.SIEM_SINKS:
        raise Http404
    return actor


def webhook_for_reader(request: HttpRequest, pk: uuid.UUID) -> tuple[Person, Webhook]:
    """Return the officer and a webhook."""
    actor = reader(request)
    return actor, get_object_or_404(Webhook.objects.select_related("asked_by", "decided_by"), pk=pk)


def webhook(request: HttpRequest, pk: uuid.UUID) -> tuple[Person, Webhook]:
    """Return the System Administrator and a webhook."""
    actor = administration.administrator(request)
    return actor, get_object_or_404(Webhook.objects.select_related("asked_by", "decided_by"), pk=pk)
