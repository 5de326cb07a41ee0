"""The contract of directory sources: where persons come from.

A source reads and maps; it changes no row. It gives a stream of items, as they come, that ends with End. A
stream that ends without End, or raises SourceError, is incomplete: what it gave before says nothing of who
is absent, and nobody changes for it (people.directory_runs).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from identity_manager.models import EntryState, RunMode


class SourceError(Exception):
    """The source cannot be read, or not to its end: it is down, refuses us, or answers by halves.

    words: one sentence for people. It never holds a secret or a person's data; detail is for the log.
    """

    def __init__(self, words: str, *, detail: str = "") -> None:
        super().__init__(detail or words)
        self.words = words


@dataclass(frozen=True)
class Entry:
    """A person, as the source has them now.

    external_id: what never changes of the entry. key: what managers and groups name it by; the external id
    where they do that. values: of the fields that the source owns, as people.validation.clean takes them.
    manager: the key of the manager's entry; empty: nobody. problem: why the entry cannot be taken.
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
    """A person of the list of all ids: still there, whatever else has changed."""

    external_id: str
    key: str


@dataclass(frozen=True)
class Gone:
    """A person of whom the source itself says that the entry was deleted (a tombstone)."""

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
    """The reading came to its end, without a fault.

    cursor: where the next incremental run begins. has_all_ids: who was not given is absent. has_groups: all
    groups were given with all members. is_idle: there was nothing to read, so that no run is kept of it.
    notes: sentences for the page of the run.
    """

    cursor: Mapping[str, Any] = field(default_factory=dict)
    has_all_ids: bool = False
    has_groups: bool = False
    is_idle: bool = False
    notes: tuple[str, ...] = ()


Item = Entry | Present | Gone | Group | Members | End


class Source(Protocol):
    """One configured source."""

    def read(self, mode: RunMode, cursor: Mapping[str, Any]) -> Iterator[Item]:
        """The items, by what the run reads; cursor is that of the last complete run, or empty.

        Raises SourceError. A source that cannot go on from the cursor reads everything, and says so by
        End.has_all_ids.
        """

    def settled(self, cursor: Mapping[str, Any], *, problem: str) -> bool:
        """The run with this cursor has ended; problem: why nothing was taken over, or empty.

        A file is put aside here; True where another one may follow. Of a reading that broke off there is no
        cursor: the same object is told.
        """
