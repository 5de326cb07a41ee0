"""Audit of list exports (CSV), recorded before the first row is sent."""

from collections.abc import Mapping

from django.db import transaction

from identity_manager import audit
from identity_manager.models import Person


def record(*, actor: Person, what: str, rows: int, filters: Mapping[str, str | bool]) -> None:
    """Record that the actor exports this number of rows of a list.

    what: the list (employee, request, audit-event, ...). filters: how it was narrowed; typed text may be
    a name, so callers pass True for it. An exception means that nothing may be sent.
    """
    with transaction.atomic():
        audit.record(
            audit.Event.LIST_EXPORTED,
            actor=actor,
            subject=None,
            what=what,
            rows=rows,
            filters={name: value for name, value in filters.items() if value},
        )
