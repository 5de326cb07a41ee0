"""What the audit log says of a thing's life."""

from identity_manager.models import AuditEvent


def recorded(kind: str) -> list[tuple[str, str]]:
    """The events of this kind (what stands before the point), in order, and who acted; "": the system."""
    rows = AuditEvent.objects.filter(name__startswith=f"{kind}.").order_by("pk").select_related("actor")
    return [(row.name.removeprefix(f"{kind}."), row.actor.given_name if row.actor else "") for row in rows]
