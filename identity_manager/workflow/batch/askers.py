"""Who gives a batch order: whether they may, read anew for each chunk."""

from identity_manager.models import BatchOrder, Person, Role


def asker_of(order: BatchOrder) -> Person:
    """Who gave the order, with current state and roles, which are checked for each line."""
    return Person.objects.prefetch_related("roles").get(pk=order.asked_by_id)


def gives_orders(actor: Person, *, office: str = Role.TOKEN_ADMINISTRATOR) -> bool:
    """Whether the actor holds the role for any unit; lines are checked one by one."""
    return actor.is_active and actor.has_role(Role(office))


def may_manage(actor: Person, order: BatchOrder) -> bool:
    """Whether the actor may pause, resume and cancel the order."""
    if order.asked_by_id == actor.pk:
        return gives_orders(actor, office=order.office)
    return actor.is_active and actor.has_role(Role(order.office), unit="")
