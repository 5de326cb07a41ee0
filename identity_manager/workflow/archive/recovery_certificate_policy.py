"""Permissions on recovery certificates, with the reasons of refusals."""

from django.utils.translation import gettext_lazy as _

from identity_manager.models import Person, RecoveryCertificate, Role
from identity_manager.transactions.refusals import Reason

NOT_TO_BRING_IN = Reason(
    "not-to-bring-in", _("Only Recovery Officers and System Administrators bring recovery certificates in.")
)
NOT_RECOVERY_OFFICER = Reason(
    "not-recovery-officer", _("Only a Recovery Officer who is not limited to a unit can do this.")
)
BROUGHT_IN = Reason("brought-in", _("You brought this certificate in: two others confirm it."))
CONFIRMED_ALREADY = Reason(
    "confirmed-already", _("You have confirmed this certificate already: another Recovery Officer does, too.")
)


def may_bring_in(actor: Person) -> bool:
    """Recovery Officers, and System Administrators, who set the installation up."""
    return actor.is_active and any(
        actor.has_role(role, unit="") for role in (Role.RECOVERY_OFFICER, Role.SYSTEM_ADMINISTRATOR)
    )


def is_recovery_officer(actor: Person) -> bool:
    """Whether the actor is one for everybody: a recovery certificate is the whole installation's."""
    return actor.is_active and actor.has_role(Role.RECOVERY_OFFICER, unit="")


def confirmation_obstacle(
    actor: Person, certificate: RecoveryCertificate, *, anew: bool = False
) -> Reason | None:
    """Why this actor cannot confirm the recovery certificate, whatever its state, or None.

    anew: those who confirmed it before may confirm it again.  In SQL: waiting_for of its model.
    """
    if not is_recovery_officer(actor):
        return NOT_RECOVERY_OFFICER
    if certificate.imported_by_id == actor.pk:
        return BROUGHT_IN
    before = () if anew else (certificate.first_by_id, certificate.second_by_id)
    return CONFIRMED_ALREADY if actor.pk in before else None
