"""Permission to change the catalogue: the role System Administrator."""

from django.utils.translation import gettext_lazy as _

from identity_manager.models import Person, Role
from identity_manager.models.people.person import PersonQuerySet
from identity_manager.transactions.refusals import NotAllowed, Reason

NOT_SYSTEM_ADMINISTRATOR = Reason("not-system-administrator", _("Only a System Administrator can do this."))


def is_system_administrator(actor: Person) -> bool:
    """Whether the actor is Active and a System Administrator everywhere: the catalogue is of every unit."""
    return actor.is_active and actor.has_role(Role.SYSTEM_ADMINISTRATOR, unit="")


def require_system_administrator(actor: Person) -> None:
    """Raise NotAllowed unless the actor is Active and a System Administrator everywhere."""
    if not is_system_administrator(actor):
        raise NotAllowed(NOT_SYSTEM_ADMINISTRATOR)


def lacks_a_second() -> bool:
    """Whether there is no second System Administrator, who could decide on what the first one begins."""
    return _system_administrators().count() < 2


def _system_administrators() -> PersonQuerySet:
    return Person.objects.holding(Role.SYSTEM_ADMINISTRATOR, unit="")
