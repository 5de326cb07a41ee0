"""Vouching for a person: who entered them, made their sign-in code, or confirmed their identity.

The SQL forms and the Python form stand together; tests/identity_manager/models/test_rules_agree.py compares
them. A code that was withdrawn, or has expired unused, opens nothing, so nobody vouched by it.
What it prevents: docs/explanation/threat-model.md.
"""

import enum
import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from identity_manager.models.people.person import Person

CONFIRMED = "confirmed"


class Exclusion(enum.Enum):
    """Reason why an officer does not decide on something; VOUCHED are the ways of vouching for its person."""

    OFFICE = "does not hold the office, or not for this unit"
    OWN = "it is about themselves"
    ASKED = "asked for it"
    EDITED = "worked on it"
    ENTERED = "entered the person"
    GAVE_CODE = "made a sign-in code that opens or opened something"
    CONFIRMED_IDENTITY = "confirmed the identity"


VOUCHED = (Exclusion.ENTERED, Exclusion.GAVE_CODE, Exclusion.CONFIRMED_IDENTITY)


def code_opens(now: datetime, path: str = "") -> Q:
    """Sign-in codes, at this path, that were made and have not ended, or were used.

    One that was overtaken counts too: its maker has seen it, and may hand it over still.
    """
    usable = {"made_at__isnull": False, "used_at": None, "withdrawn_at": None, "expires_at__gt": now}
    used = {"used_at__isnull": False}
    return Q(**{f"{path}{name}": value for name, value in usable.items()}) | Q(
        **{f"{path}{name}": value for name, value in used.items()}
    )


def vouched_by(officer_id: uuid.UUID, now: datetime, path: str = "person") -> dict[Exclusion, Q]:
    """Rows whose person, at this path, the officer vouched for; a condition for each way."""
    coded = Person.objects.filter(code_opens(now, "sign_in_codes__"), sign_in_codes__asked_by=officer_id)
    confirmed = Person.objects.filter(
        identity_changes__state=CONFIRMED, identity_changes__decided_by=officer_id
    )
    return {
        Exclusion.ENTERED: Q(**{f"{path}__entered_by": officer_id}),
        Exclusion.GAVE_CODE: Q(**{f"{path}__in": coded.values("pk")}),
        Exclusion.CONFIRMED_IDENTITY: Q(**{f"{path}__in": confirmed.values("pk")}),
    }


def officers_who_vouched(person: Person) -> dict[Exclusion, Collection[uuid.UUID]]:
    """Keys of the officers who vouched for the person, by the way in which they did.

    Some are querysets: asked when somebody looks, and subqueries in another query.
    """
    coded = person.sign_in_codes.filter(code_opens(timezone.now()), asked_by__isnull=False)
    confirmed = person.identity_changes.filter(state=CONFIRMED, decided_by__isnull=False)
    return {
        Exclusion.ENTERED: {person.entered_by_id} if person.entered_by_id else set(),
        Exclusion.GAVE_CODE: coded.values_list("asked_by", flat=True),
        Exclusion.CONFIRMED_IDENTITY: confirmed.order_by().values_list("decided_by", flat=True),
    }
