"""Prepared queries of SEARCH: rows of the persons on one page, by their keys."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import Q, QuerySet

from ca_bridge.database.prepared_queries import ForKeys
from identity_manager.models.people.identity_change import IdentityChange
from identity_manager.models.people.person import Person, PersonKind
from identity_manager.models.prefetched import distribute_prefetched
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_states import IN_USE
from identity_manager.models.text_in_languages import Texts


@dataclass(frozen=True)
class PersonRows:
    """Persons of a kind within an officer's reach, with these fields; one prepared query per combination."""

    kind: PersonKind
    reach: Q
    fields: tuple[str, ...]

    def in_bulk(self, keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, Person]:
        """The persons by key, as QuerySet.in_bulk."""
        return _among(self.kind, self.reach, self.fields).in_bulk(keys)


def names_of_tokens(persons: Iterable[uuid.UUID]) -> list[tuple[uuid.UUID, Texts]]:
    """Person's key and name of the type, for each token in use of these persons."""
    return _NAMES.rows(persons)


def prefetch_waiting_changes(persons: Sequence[Person]) -> None:
    """Prefetch the waiting changes of identity of persons without e-mail, who may be about to get one."""
    without = [person for person in persons if not person.email]
    distribute_prefetched(
        without, "identity_changes", _CHANGES.rows([person.pk for person in without]), "person"
    )


@lru_cache(maxsize=200)
def _among(kind: PersonKind, reach: Q, fields: tuple[str, ...]) -> ForKeys[Person]:
    def build(keys: list[Any]) -> QuerySet[Person]:
        return Person.objects.filter(reach, kind=kind, pk__in=keys).only(*fields)

    return ForKeys(build, Person._meta.pk)


def _names(persons: list[Any]) -> QuerySet[SoftwareToken, Any]:
    tokens = SoftwareToken.objects.filter(state__in=IN_USE, person__id__in=persons)
    return tokens.values_list("person", "token_type__name")


_NAMES = ForKeys[tuple[uuid.UUID, Texts]](_names, Person._meta.pk)
_CHANGES = ForKeys[IdentityChange](
    lambda persons: IdentityChange.objects.waiting().filter(person__id__in=persons), Person._meta.pk
)
