"""Access requests under data protection law: a Registration Officer prints what is kept about a person."""

import uuid

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import Person
from identity_manager.people import erasure, registration_policy
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, refuse, require

NOTHING_LEFT = Reason("person-data-erased", _("This person was erased: nothing about them is kept any more."))


def obstacle(person: Person) -> Reason | None:
    """Why there are no data of the person to print, or None."""
    return NOTHING_LEFT if erasure.is_erased(person) else None


def record_access_request(*, actor: Person, person_id: uuid.UUID) -> Person:
    """Record that the actor takes all data of the person. Raises NotAllowed or NotPossible."""
    with transaction.atomic():
        person = locking.person(person_id)
        allowed = registration_policy.registers(actor, person)
        require(allowed, else_=registration_policy.NOT_REGISTRATION_OFFICER, kind=NotAllowed)
        refuse(obstacle(person))

        audit.record(audit.Event.PERSON_DATA_TAKEN, actor=actor, subject=person)
        return person
