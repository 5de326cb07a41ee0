"""Verbs on persons."""

import uuid

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_fsm import can_proceed

from identity_manager import audit
from identity_manager.models import Person, Role
from identity_manager.workflow import locking
from identity_manager.workflow.errors import NotAllowed, NotPossible, Reason, refuse

NOT_REGISTRATION_OFFICER = Reason(
    "not-registration-officer", _("Only a Registration Officer of this organisational unit can do this.")
)
NOT_TO_BE_ACTIVATED = Reason(
    "not-to-be-activated", _("Only a Registered or Inactive person can be activated.")
)


def activate(*, actor: Person, person_id: uuid.UUID) -> Person:
    """The person works here (again). Raises NotAllowed, or NotPossible (Active already, or Locked)."""
    with transaction.atomic():
        person = locking.person(person_id)
        refuse(None if _registers(actor, person) else NOT_REGISTRATION_OFFICER, kind=NotAllowed)
        refuse(None if can_proceed(person.activate) else NOT_TO_BE_ACTIVATED, kind=NotPossible)

        person.activate()
        person.save()
        audit.record(audit.Event.PERSON_ACTIVATED, actor=actor, subject=person)
        return person


def _registers(actor: Person, person: Person) -> bool:
    return actor.is_active and actor.has_role(Role.REGISTRATION_OFFICER, unit=person.organisational_unit)
