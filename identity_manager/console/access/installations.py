"""Permissions on tokens without a confirmed installation; the scope is the officer's units."""

import uuid

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access.offices import officer, within_units
from identity_manager.models import InstallationNotice, Person, Role

ANSWERERS = frozenset({Role.TOKEN_ADMINISTRATOR})


def answered_by(actor: Person) -> QuerySet[InstallationNotice]:
    """Return the notices that the actor may answer: none of their own tokens."""
    rows = InstallationNotice.objects.to_be_answered().exclude(token__person=actor)
    rows = rows.filter(within_units(actor, ANSWERERS, "token__person__organisational_unit"))
    related = rows.select_related("token__person", "token__token_type")
    return related.defer("token__passphrase_wrapped", "token__snapshot")


def notice(request: HttpRequest, pk: uuid.UUID) -> InstallationNotice:
    """Return a notice, answered or not, of a person in the administrator's units."""
    actor = officer(request, *ANSWERERS)
    reach = within_units(actor, ANSWERERS, "token__person__organisational_unit")
    rows = InstallationNotice.objects.filter(reach).select_related("token__token_type", "token__person")
    return get_object_or_404(rows.defer("token__passphrase_wrapped"), pk=pk)
