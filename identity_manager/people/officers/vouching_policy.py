"""Separation of duties: who vouched for a person neither decides for them nor gives them a role.

Whoever entered a person, made their sign-in code or confirmed their identity could have invented them, or
sign in as them. So this is checked at each act, whatever roles the officer holds, also for role combinations
from before they conflicted.
"""

import uuid
from collections.abc import Collection

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models import IdentityChange, Person, SignInCode
from identity_manager.models.people.person import PersonQuerySet
from identity_manager.models.people.vouching import Exclusion, officers_who_vouched
from identity_manager.transactions.refusals import Reason

ENTERED = Reason(
    "entered-the-person", _("You entered this person. Somebody else decides for them and gives them roles.")
)
GAVE_CODE = Reason(
    "gave-a-code",
    _("You made a sign-in code for this person. Somebody else decides for them and gives them roles."),
)
CONFIRMED_IDENTITY = Reason(
    "confirmed-the-identity",
    _("You confirmed the identity of this person. Somebody else decides for them and gives them roles."),
)


REASONS = {
    Exclusion.ENTERED: ENTERED,
    Exclusion.GAVE_CODE: GAVE_CODE,
    Exclusion.CONFIRMED_IDENTITY: CONFIRMED_IDENTITY,
}


def obstacle(actor: Person, person: Person) -> Reason | None:
    """Why the actor may not decide for the person or give them a role, or None."""
    vouched = officers_who_vouched(person).items()
    return next((REASONS[way] for way, officers in vouched if actor.pk in officers), None)


def persons_with_code_of(actor: Person, person_ids: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
    """Ids of the persons for whom the actor made a sign-in code that is valid or was used.

    Withdrawn and expired codes do not count. For an API client those of its two makers do: else an officer
    who can sign in as somebody would ask for their token through a program.
    """
    officers = {actor.pk, *actor.client_makers}
    made = SignInCode.objects.opening(timezone.now()).filter(person__in=person_ids, asked_by__in=officers)
    return frozenset(made.values_list("person_id", flat=True))


def others_than_vouched(officers: PersonQuerySet, person: Person) -> PersonQuerySet:
    """Officers who did not vouch for the person."""
    for vouched in officers_who_vouched(person).values():
        officers = officers.exclude(pk__in=vouched)
    return officers


def officers_of(person: Person) -> set[uuid.UUID]:
    """Officers who vouched for the person."""
    return set().union(*officers_who_vouched(person).values())


def have_vouched(officers: Collection[Person]) -> bool:
    """Whether any of the officers vouched for anybody; usually not, which saves further queries."""
    ids = [officer.pk for officer in officers]
    return (
        SignInCode.objects.opening(timezone.now()).filter(asked_by__in=ids).exists()
        or IdentityChange.objects.confirmed().filter(decided_by__in=ids).exists()
        or Person.objects.filter(entered_by__in=ids).exists()
    )
