"""Permissions on imports of tokens: functions that return the object, or raise 404 or 403."""

import uuid

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access import offices
from identity_manager.models import Person, Role, TokenImport
from identity_manager.workflow.token_imports import decisions


def token_importer(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they administer tokens of all units."""
    actor = offices.officer(request, Role.TOKEN_ADMINISTRATOR)
    reason = decisions.officer_obstacle(actor)
    if reason is not None:
        raise PermissionDenied(reason.sentence)
    return actor


def token_import(request: HttpRequest, pk: uuid.UUID) -> TokenImport:
    """Return the token import to an officer who may import tokens."""
    token_importer(request)
    rows = TokenImport.objects.select_related("asked_by", "decided_by")
    found: TokenImport = get_object_or_404(rows, pk=pk)
    return found
