"""Permissions of Registration Officers: pure functions that return reasons."""

from django.utils.translation import gettext_lazy as _

from identity_manager.models import Person, PersonState, Role
from identity_manager.transactions.refusals import Reason

NOT_REGISTRATION_OFFICER = Reason(
    "not-registration-officer", _("Only a Registration Officer of this organisational unit can do this.")
)
NOT_YOUR_UNIT = Reason("not-your-unit", _("You are no Registration Officer of this organisational unit."))
OWN_RECORD = Reason("own-record", _("This is your own record. Another Registration Officer does it."))
LOCKED = Reason("record-locked", _("This person is Locked for good and does not change any more."))

API_CLIENT = Reason(
    "record-of-api-client",
    _("This is a client of the API. It is made, confirmed and revoked by System Administrators only."),
)


def registers(actor: Person, person: Person) -> bool:
    """Whether the actor is a Registration Officer for the person's organisational unit."""
    return registers_in(actor, person.organisational_unit)


def registers_in(actor: Person, unit: str) -> bool:
    """Whether the actor is a Registration Officer for the organisational unit."""
    return actor.is_active and actor.has_role(Role.REGISTRATION_OFFICER, unit=unit)


def registers_everywhere(actor: Person) -> bool:
    """Whether the actor is a Registration Officer of all organisational units."""
    return registers_in(actor, "")


def officer_obstacle(actor: Person, person: Person) -> Reason | None:
    """Why the actor cannot change this person at all, or None. Nobody registers themselves.

    The person as whom an API client acts goes by its client alone: activated by who confirms the client, and
    locked by who revokes it.
    """
    if not registers(actor, person):
        return NOT_REGISTRATION_OFFICER
    if person.is_api_client:
        return API_CLIENT
    return OWN_RECORD if actor.pk == person.pk else None


def editing_obstacle(actor: Person, person: Person) -> Reason | None:
    """Why this actor cannot edit this person's record, or None."""
    obstacle = officer_obstacle(actor, person)
    return obstacle or (LOCKED if person.state == PersonState.LOCKED else None)
