"""Permissions on recoveries: Recovery Officers who may decide, requesters, administrators, and auditors.

Owner and beneficiary of the keys read nothing here, whatever roles they hold: officers may have decided not
to notify the owner.
"""

import uuid

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from identity_manager.console.access.offices import officer, within_units
from identity_manager.models import Opening, Person, Recovery, Role
from identity_manager.workflow.recovery import officers_policy

RECOVERY_READERS = frozenset({Role.RECOVERY_OFFICER, Role.TOKEN_ADMINISTRATOR, Role.AUDITOR})
ALL_READERS = RECOVERY_READERS - {Role.RECOVERY_OFFICER}


def recovery_reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may read recoveries."""
    return officer(request, *RECOVERY_READERS)


def visible_recoveries(actor: Person) -> QuerySet[Recovery]:
    """Return the recoveries by officers that the officer may read, newest first."""
    in_reach = within_units(actor, ALL_READERS, "owner__organisational_unit")
    others = Recovery.objects.filter(in_reach, opening=Opening.OFFICERS).exclude(
        Q(owner=actor) | Q(request__person=actor)
    )
    to_decide = officers_policy.open_to(actor, timezone.now())
    rows = Recovery.objects.filter(Q(pk__in=others.values("pk")) | Q(pk__in=to_decide.values("pk")))
    return rows.select_related("owner", "request__person", "request__requested_by", "opened_with")


def recovery_for_officer(request: HttpRequest, pk: uuid.UUID) -> Recovery:
    """Return the recovery to an officer who may read it."""
    return get_object_or_404(visible_recoveries(recovery_reader(request)), pk=pk)


def recovery_for_decision(request: HttpRequest, pk: uuid.UUID) -> Recovery:
    """Return the recovery to a Recovery Officer who may read it; the verb checks whether they may decide."""
    officer(request, Role.RECOVERY_OFFICER)
    return recovery_for_officer(request, pk)
