"""Verbs on persons."""

import uuid
from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_fsm import can_proceed

from identity_manager import audit
from identity_manager.models import Person, Role
from identity_manager.people import taken, validation
from identity_manager.workflow import locking
from identity_manager.workflow.errors import NotAllowed, NotPossible, Reason, refuse

NOT_REGISTRATION_OFFICER = Reason(
    "not-registration-officer", _("Only a Registration Officer of this organisational unit can do this.")
)
NOT_TO_BE_ACTIVATED = Reason(
    "not-to-be-activated", _("Only a Registered or Inactive person can be activated.")
)
NUMBER_TAKEN = Reason("number-taken", _("There is a person with this personnel number already."))


def create_active(*, actor: Person | None, values: Mapping[str, str]) -> Person:
    """Create a person who works here, by the fields of validation.clean but manager
    and state; actor None is who operates the machine. Raises NotPossible with the first field at fault.
    """
    cleaned = validation.clean(values)
    for error in cleaned.errors:
        raise NotPossible(Reason("bad-value", error.sentence), field=error.field)
    fields = {name: value for name, value in cleaned.values.items() if value}
    fields.setdefault(
        "display_name", validation.compose_display_name(fields["given_name"], fields["surname"])
    )
    with transaction.atomic():
        _check_free(fields)

        person = Person(**fields)
        person.activate()
        person.save()
        audit.record(audit.Event.PERSON_CREATED, actor=actor, subject=person, state=person.state)
        return person


def _check_free(fields: Mapping[str, str]) -> None:
    number = fields["personnel_number"]
    known = Person.objects.filter(personnel_number=number).exists()
    refuse(NUMBER_TAKEN if known else None, field="personnel_number")
    for name in taken.IDENTITY_FIELDS:
        if name in fields and taken.owners(name, [fields[name]]):
            raise NotPossible(Reason("taken", _("Belongs to another person already.")), field=name)


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
