"""Page of who may do what for one person: by act, the officers whose roles reach the person, and exclusions.

Each act declares its role and exclusions (four eyes), as its verb does; a test compares the two.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import persons as access_persons
from identity_manager.models import Person, PersonState, Role, RoleAssignment
from identity_manager.models.people.role import today
from identity_manager.models.people.vouching import VOUCHED, Exclusion, officers_who_vouched
from identity_manager.models.words import Vocabulary

WORDS = Vocabulary(
    "what keeps officers out",
    {
        Exclusion.OWN.value: _("it is about themselves"),
        Exclusion.ENTERED.value: _("entered this person"),
        Exclusion.GAVE_CODE.value: _("made a sign-in code for this person"),
        Exclusion.CONFIRMED_IDENTITY.value: _("confirmed the identity of this person"),
    },
)


@dataclass(frozen=True)
class OfficersAct:
    """Something that officers do for a person. kept_out: who of those with the role does not do it."""

    words: Promise
    role: Role
    kept_out: tuple[Exclusion, ...] = ()


ACTS = (
    OfficersAct(_("Ask for software tokens"), Role.TOKEN_ADMINISTRATOR, (Exclusion.GAVE_CODE,)),
    OfficersAct(_("Revoke, hold and reinstate software tokens"), Role.TOKEN_ADMINISTRATOR),
    OfficersAct(_("Approve requests"), Role.APPROVER, (Exclusion.OWN, *VOUCHED)),
    OfficersAct(
        _("Decide on the recovery of archived keys"), Role.RECOVERY_OFFICER, (Exclusion.OWN, *VOUCHED)
    ),
    OfficersAct(_("Change, deactivate and lock"), Role.REGISTRATION_OFFICER, (Exclusion.OWN,)),
    OfficersAct(_("Give roles"), Role.USER_ADMINISTRATOR, (Exclusion.OWN, *VOUCHED)),
)


@dataclass(frozen=True)
class Able:
    """An officer with the role. unit: of the role; empty: everywhere. why_not: what keeps them out."""

    officer: Person
    unit: str
    why_not: str | Promise = ""


def context(actor: Person, person: Person) -> dict[str, Any]:
    """For each act who can do it, and who of those with the role cannot. readable: whom actor may open."""
    acts = who_may(person)
    officers = {able.officer for _act, found in acts for able in found}
    readable = {each.pk for each in officers if access_persons.may_see(actor, each)}
    return {"tab": "search", "person": person, "acts": acts, "readable": readable}


def who_may(person: Person) -> list[tuple[OfficersAct, list[Able]]]:
    """The acts, each with the officers whose role reaches the person; those first who can do it."""
    excluded = {way: set(ids) for way, ids in officers_who_vouched(person).items()}
    excluded[Exclusion.OWN] = {person.pk}
    held = _holders(person.organisational_unit)
    return [(act, _able(act, held.get(act.role, []), excluded)) for act in ACTS]


def _able(
    act: OfficersAct, held: list[RoleAssignment], excluded: Mapping[Exclusion, set[uuid.UUID]]
) -> list[Able]:
    found = []
    for each in held:
        why = next((way for way in act.kept_out if each.person_id in excluded[way]), None)
        found.append(Able(each.person, each.organisational_unit, WORDS.in_words(why.value) if why else ""))
    return sorted(found, key=lambda each: bool(each.why_not))


def _holders(unit: str) -> dict[Role, list[RoleAssignment]]:
    """The assignments in force of Active officers that reach the unit, by role; each officer once."""
    reaching = RoleAssignment.objects.filter(
        organisational_unit__in={"", unit},
        role__in={act.role for act in ACTS},
        person__state=PersonState.ACTIVE,
    )
    ordered = reaching.select_related("person").order_by(
        "person__search_text__by_name", "organisational_unit", "pk"
    )
    day, seen = today(), set()
    found: dict[Role, list[RoleAssignment]] = {}
    for each in ordered:
        key = (each.role, each.person_id)
        if each.is_in_force(day) and key not in seen:
            seen.add(key)
            found.setdefault(Role(each.role), []).append(each)
    return found
