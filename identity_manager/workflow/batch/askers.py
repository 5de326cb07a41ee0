"""Permission of who gives a batch order, read anew for each chunk."""

from django.utils import timezone

from identity_manager.models import BatchOrder, Person, Role


def asker_of(order: BatchOrder) -> Person:
    """Officer who gave the order, with current state and roles, which are checked for each line."""
    return Person.objects.prefetch_related("roles").get(pk=order.asked_by_id)


def gives_orders(actor: Person, *, office: str = Role.TOKEN_ADMINISTRATOR) -> bool:
    """Whether the actor holds the role for any unit; lines are checked one by one.

    An API client also has to be usable: its role ends with the day of its expiry, the client with the minute.
    """
    if actor.is_api_client and not actor.api_client.is_usable(timezone.now()):
        return False
    return actor.is_active and actor.has_role(Role(office))


def may_manage(actor: Person, order: BatchOrder) -> bool:
    """Whether the actor may pause, resume and cancel the order."""
    if order.asked_by_id == actor.pk:
        return gives_orders(actor, office=order.office)
    return actor.is_active and actor.has_role(Role(order.office), unit="")
