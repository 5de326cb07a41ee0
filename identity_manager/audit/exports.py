"""Exports leave the system's own walls, so each is told in the audit log before its first row is sent."""

from collections.abc import Mapping

from django.db import transaction

from identity_manager import audit
from identity_manager.models import Person


def record(*, actor: Person, what: str, rows: int, filters: Mapping[str, str | bool]) -> None:
    """Record that the actor exports so many rows of a list.

    what names the list (employee, request, audit-event, ...). filters says how it was narrowed; what was
    typed may be somebody's name, so callers give that as True. Raises whatever stops the event: then
    nothing may be sent.
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
