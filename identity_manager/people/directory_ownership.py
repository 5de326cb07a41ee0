"""Fields that a directory owns: nobody changes them by hand, and the refusal names the source."""

import uuid
from collections.abc import Collection, Sequence

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from identity_manager.directory import sources
from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.models import DirectoryLink, EntryState, Person
from identity_manager.transactions.refusals import Reason

CHUNK = 500
_OWNED = _("Comes from %(source)s, and is changed there.")
_NOT_ACTIVE = _("%(source)s says that this person is %(state)s. Who is active is said there.")


def link_of(person: Person) -> DirectoryLink | None:
    """The link of the person to a configured source, or None."""
    if not settings.DIRECTORY_SOURCES:
        return None
    link: DirectoryLink | None = getattr(person, "directory_link", None)
    return link if link is not None and sources.configuration_of(link.source.name) else None


def source_of(person: Person) -> SourceConfiguration | None:
    """The configured source that the person belongs to, or None."""
    link = link_of(person)
    return None if link is None else sources.configuration_of(link.source.name)


def linked(person_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, SourceConfiguration]:
    """The configured source of each of these persons who belongs to one."""
    if not settings.DIRECTORY_SOURCES:
        return {}
    found: dict[uuid.UUID, SourceConfiguration] = {}
    for start in range(0, len(person_ids), CHUNK):
        rows = DirectoryLink.objects.filter(person__in=person_ids[start : start + CHUNK])
        for person_id, name in rows.values_list("person", "source__name"):
            if (source := sources.configuration_of(name)) is not None:
                found[person_id] = source
    return found


def owned_by(source: SourceConfiguration) -> Reason:
    """The refusal of a change by hand, or by a file."""
    return Reason("owned-by-directory", str(_OWNED) % {"source": source.name})


def editing_obstacle(person: Person, names: Collection[str]) -> tuple[str, Reason] | None:
    """The first of these fields that a source owns, and the refusal; or None."""
    source = source_of(person)
    name = next((each for each in names if source and each in source.fields), None)
    return (name, owned_by(source)) if source is not None and name is not None else None


def activation_obstacle(person: Person) -> Reason | None:
    """Why a person is not activated by hand: their directory says that they are not active; or None."""
    link = link_of(person)
    source = None if link is None else sources.configuration_of(link.source.name)
    if link is None or source is None or link.state == EntryState.ACTIVE:
        return None
    words = {"source": source.name, "state": EntryState(link.state).label}
    return Reason("not-active-in-directory", str(_NOT_ACTIVE) % words)
