"""Permissions on renewals; the scope is the tokens of the officer's units."""

import uuid

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access.offices import officer, within_units
from identity_manager.models import HolderChange, Person, Role

RENEWAL_READERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.AUDITOR})
RENEWERS = frozenset({Role.TOKEN_ADMINISTRATOR})


def renewal_reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may see which tokens end and who renews them."""
    return officer(request, *RENEWAL_READERS)


def within_reach(actor: Person) -> Q:
    """Return the Q object that limits tokens to persons of the officer's units."""
    return within_units(actor, RENEWAL_READERS, "person__organisational_unit")


def answered_by(actor: Person) -> QuerySet[HolderChange]:
    """Return the holder changes that the actor may answer: none of their own tokens."""
    rows = HolderChange.objects.unanswered().exclude(person=actor)
    rows = rows.filter(within_units(actor, RENEWERS, "person__organisational_unit"))
    return rows.select_related("person", "token__token_type").defer("token__passphrase_wrapped")


def holder_change(request: HttpRequest, pk: uuid.UUID) -> HolderChange:
    """Return a holder change, answered or not, of a person in the administrator's units."""
    actor = officer(request, *RENEWERS)
    rows = HolderChange.objects.filter(within_units(actor, RENEWERS, "person__organisational_unit"))
    rows = rows.select_related("token__token_type", "token__person", "person", "ended_by")
    return get_object_or_404(rows.defer("token__passphrase_wrapped"), pk=pk)
