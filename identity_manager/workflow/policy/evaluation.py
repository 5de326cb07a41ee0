"""Eligibility of many persons at once: reads the inputs in bulk, applies the rules of eligibility.py.

Enabling one person and enabling thousands use the same policy; only the number of persons read at once
differs.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import prefetch_related_objects

from identity_manager.models import Person, TermsVersion, TokenType
from identity_manager.models.catalogue.token_type import offered_types
from identity_manager.people.officers import vouching_policy
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Refused
from identity_manager.workflow.policy import eligibility

# Columns of a person that do not affect eligibility.
IRRELEVANT_COLUMNS = frozenset({"search_text", "upn_key", "updated_at", "version"})


@dataclass(frozen=True)
class Eligibility:
    """Types for which a person can be enabled, and reasons for others (by type code, or "" for all)."""

    choices: list[eligibility.TypeChoice]
    reasons: list[tuple[str, Reason]] = field(default_factory=list)

    @property
    def types(self) -> list[TokenType]:
        return [choice.token_type for choice in self.choices]


@dataclass(frozen=True)
class EligibilityContext:
    """Inputs at one moment: actor, offered types, held tokens, persons for whom the actor made a code."""

    actor: Person
    offered: Sequence[TokenType]
    held: Mapping[uuid.UUID, eligibility.Held]
    coded: frozenset[uuid.UUID]

    def types_for(self, person: Person, type_ids: Sequence[uuid.UUID]) -> list[eligibility.TypeChoice]:
        """The checked types. Raises NotAllowed, or NotPossible with the reason."""
        refused = self._obstacle(person)
        if refused is not None:
            raise refused
        return eligibility.chosen_among(self._choices(person, type_ids), type_ids)

    def verdict(self, person: Person, wanted: Collection[TokenType], *, partial: bool) -> Eligibility:
        """The eligibility by type. partial: a person who cannot have all of them gets the others."""
        refused = self._obstacle(person)
        if refused is not None:
            return Eligibility([], [("", refused.reason)])
        ids = [each.pk for each in wanted]
        choices = {choice.token_type.pk: choice for choice in self._choices(person, ids)}
        reasons = [
            (each.code, eligibility.UNKNOWN_TYPE if each.pk not in choices else choices[each.pk].reason)
            for each in wanted
        ]
        refusals = [(code, reason) for code, reason in reasons if reason is not None]
        if refusals and not partial:
            return Eligibility([], refusals)
        refused_codes = {code for code, _reason in refusals}
        return Eligibility([choices[each.pk] for each in wanted if each.code not in refused_codes], refusals)

    def inputs_of(self, persons: Collection[Person]) -> Any:
        """The persons' inputs as plain values, as the function inputs_of reads them."""
        return _inputs(self.actor, persons, self.held, self.coded)

    def _obstacle(self, person: Person) -> Refused | None:
        """Why the actor cannot enable this person for any type, or None."""
        if not eligibility.administers(self.actor, person):
            return NotAllowed(eligibility.NOT_ADMINISTRATOR)
        if person.pk in self.coded:
            return NotAllowed(eligibility.MADE_A_CODE)
        reason = eligibility.person_obstacle(person)
        return NotPossible(reason) if reason is not None else None

    def _choices(self, person: Person, type_ids: Collection[uuid.UUID]) -> list[eligibility.TypeChoice]:
        asked = [each for each in self.offered if each.pk in type_ids]
        return eligibility.choices_among(asked, person, self.held.get(person.pk, frozenset()))


def read_context(
    *, actor: Person, persons: Collection[Person], offered: Sequence[TokenType] | None = None
) -> EligibilityContext:
    """Read the inputs for these persons, with their roles. offered: if the caller has read the types."""
    prefetch_related_objects([actor, *persons], "roles")
    prefetch_related_objects(_without_identity(persons), "identity_changes")
    ids = [person.pk for person in persons]
    types = offered_types() if offered is None else offered
    return EligibilityContext(
        actor, types, eligibility.held_by(ids), vouching_policy.persons_with_code_of(actor, ids)
    )


def _without_identity(persons: Iterable[Person]) -> list[Person]:
    """Persons who lack a field that may wait for a second officer."""
    return [person for person in persons if not (person.email and person.upn and person.sid)]


def catalogue_versions() -> Any:
    """Active versions of types and terms; if equal later, the catalogue has not changed."""
    types = TokenType.objects.active().order_by().values_list("pk", flat=True)
    terms = TermsVersion.objects.filter(is_current=True).values_list("pk", flat=True)
    return sorted(types), sorted(terms)


def inputs_of(*, actor: Person, persons: Collection[Person]) -> Any:
    """All other inputs as plain values; if equal later, so is every result."""
    prefetch_related_objects([actor, *persons], "roles")
    ids = [person.pk for person in persons]
    return _inputs(actor, persons, eligibility.held_by(ids), vouching_policy.persons_with_code_of(actor, ids))


def _inputs(
    actor: Person,
    persons: Iterable[Person],
    held: Mapping[uuid.UUID, eligibility.Held],
    coded: frozenset[uuid.UUID],
) -> Any:
    return (
        (actor.pk, actor.state, _roles(actor)),
        [(_columns(person), _roles(person)) for person in persons],
        held,
        coded,
    )


def _columns(person: Person) -> list[Any]:
    return [
        getattr(person, each.attname)
        for each in person._meta.concrete_fields
        if each.name not in IRRELEVANT_COLUMNS
    ]


def _roles(person: Person) -> list[tuple[str, str]]:
    return sorted((held.role, held.organisational_unit) for held in person.roles_in_force())
