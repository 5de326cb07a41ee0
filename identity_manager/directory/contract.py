"""The contract of directory sources (LDAP, SCIM, CSV), from which persons and groups are read.

A source reads and maps; it changes no row. It yields a stream of items that ends with End. A stream that ends
without End, or raises SourceError, is incomplete: nobody counts as absent, and no person is changed by it
(people.directory_runs).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from identity_manager.models import EntryState, RunMode


class SourceError(Exception):
    """The source cannot be read completely: it is down, refuses us, or its answer is truncated.

    words: one sentence for people, without secrets and personal data. detail: for the log.
    """

    def __init__(self, words: str, *, detail: str = "") -> None:
        super().__init__(detail or words)
        self.words = words


@dataclass(frozen=True)
class DirectoryPerson:
    """A person, as the source has them now.

    external_id: immutable id of the entry. key: by which managers and groups refer to it (distinguished name,
    or the external id). values: of the fields that the source owns, as input of people.validation.clean.
    manager: the key of the manager's entry; empty: nobody. problem: why the entry is invalid.
    """

    external_id: str
    key: str
    values: Mapping[str, str]
    state: EntryState = EntryState.ACTIVE
    manager: str = ""
    expires_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class Present:
    """An id of the complete list: the person is still in the source, changed or not."""

    external_id: str
    key: str


@dataclass(frozen=True)
class Gone:
    """A tombstone: the source reports that the person's entry was deleted."""

    external_id: str


@dataclass(frozen=True)
class Group:
    """A group, before its members."""

    external_id: str
    key: str
    name: str


@dataclass(frozen=True)
class Members:
    """Some of a group's members, by the keys of their entries; groups among them are nested groups."""

    group_id: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class End:
    """The end of a complete reading.

    cursor: where the next incremental run begins. has_all_ids: persons not in the stream are absent.
    has_groups: all groups were read with all members. is_idle: there was nothing to read, so that the run is
    not stored. notes: sentences for the page of the run.
    """

    cursor: Mapping[str, Any] = field(default_factory=dict)
    has_all_ids: bool = False
    has_groups: bool = False
    is_idle: bool = False
    notes: tuple[str, ...] = ()


Item = DirectoryPerson | Present | Gone | Group | Members | End


class Source(Protocol):
    """One configured source."""

    def read(self, mode: RunMode, cursor: Mapping[str, Any]) -> Iterator[Item]:
        """Yield the items for this mode. cursor: of the last complete run, or empty.

        Raises SourceError. A source for which the cursor is no longer valid reads everything, and sets
        End.has_all_ids.
        """

    def settled(self, cursor: Mapping[str, Any], *, problem: str) -> bool:
        """Acknowledge the end of the run with this cursor. problem: why nothing was applied, or empty.

        A CSV source moves its file away; returns True if another file may follow. An aborted reading has no
        cursor: it is acknowledged on the same object.
        """
