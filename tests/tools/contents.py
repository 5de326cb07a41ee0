"""What the database holds, to compare it with what it holds later."""

from typing import Any

from django.db import connection

from identity_manager.audit import Event
from identity_manager.models import AuditEvent

# What a mere visit may touch: sessions, the counts of rate limits, and who is named in the audit log.
OF_VISITS = {"django_session", "shared_cache", "identity_manager_auditsalt"}


def contents() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but those that a mere visit touches; that an officer was refused is told."""
    with connection.cursor() as cursor:
        tables = sorted(set(connection.introspection.table_names(cursor)) - OF_VISITS)
        found = {}
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 our own tables
            found[table] = [row for row in cursor.fetchall() if Event.ACCESS_DENIED not in row]
    return found


def differing(before: dict[str, list[tuple[Any, ...]]], after: dict[str, list[tuple[Any, ...]]]) -> list[str]:
    """The tables that do not hold the same rows, in whatever order."""
    others = [table for table in before if before[table] != after[table]]
    return [table for table in others if sorted(before[table], key=repr) != sorted(after[table], key=repr)]


def recorded(kind: str) -> list[tuple[str, str]]:
    """The events of this kind (what stands before the point), in order, and who acted; "": the system."""
    rows = AuditEvent.objects.filter(name__startswith=f"{kind}.").order_by("pk").select_related("actor")
    return [(row.name.removeprefix(f"{kind}."), row.actor.given_name if row.actor else "") for row in rows]
