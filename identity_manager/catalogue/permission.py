"""Who may change the catalogue."""

from django.utils.translation import gettext_lazy as _

from identity_manager.models import Person, Role
from identity_manager.workflow.errors import NotAllowed, Reason

NOT_SYSTEM_ADMINISTRATOR = Reason("not-system-administrator", _("Only a System Administrator can do this."))


def require_system_administrator(actor: Person) -> None:
    """Raise NotAllowed unless the actor is Active and a System Administrator everywhere."""
    if not actor.is_active or not actor.has_role(Role.SYSTEM_ADMINISTRATOR, unit=""):
        raise NotAllowed(NOT_SYSTEM_ADMINISTRATOR)
