"""Permission to keep standing orders."""

from identity_manager.models import Person, Role


def keeps_orders(actor: Person) -> bool:
    """Whether the actor makes, confirms and ends standing orders: an order has persons of any unit."""
    return actor.is_active and actor.has_role(Role.TOKEN_ADMINISTRATOR, unit="")
