"""The contract of targets, to which certificates (LDAP) or private keys (gateway, Gmail, Intune) go.

A connector changes no row of ours. The journal (models.Placement) records what is ours: a connector removes
only the item that it is given. Each call returns a certain outcome or raises one of the errors below.
Doubtful is the unknown outcome: the caller looks at the target before it repeats anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ca_bridge.pkcs12.writer import ContainerFormat


class TargetError(Exception):
    """words: one sentence for people, without secrets or personal data. detail: for the log."""

    def __init__(self, words: str, *, detail: str = "") -> None:
        super().__init__(detail or words)
        self.words = words


class Unavailable(TargetError):  # noqa: N818 an answer, not a fault
    """The target is down, or refuses us as a whole. Nothing has happened; everything waits.

    retry_after: seconds that the target wants us to wait; None where it says nothing.
    """

    def __init__(self, words: str, *, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(words, detail=detail)
        self.retry_after = retry_after


class NoPlace(TargetError):  # noqa: N818 an answer, not a fault
    """The person has no entry there, or not yet. Nothing has happened; it is tried again later."""


class Refused(TargetError):  # noqa: N818 an answer, not a fault
    """The target refuses this item for good. Nothing has happened; an officer may have it tried again."""


class Doubtful(TargetError):  # noqa: N818 an answer, not a fault
    """Unknown outcome: no answer came, and the change may have been made or not."""


@dataclass(frozen=True)
class Item:
    """Published item. certificate: DER. parcel: its key sealed by `KeyConnector.seal`, or empty."""

    certificate: bytes
    parcel: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class KeyFile:
    """A PKCS#12 container made for one target, under a passphrase of its own.

    address: the mail address in the certificate; empty if it has none. chain: issuers (DER), without the
    root.
    """

    certificate: bytes
    chain: tuple[bytes, ...]
    address: str
    container: bytes = field(repr=False)
    passphrase: str = field(repr=False)


class Put(StrEnum):
    """Result of put. ADDED: it is there now, and ours. WAS_THERE: somebody else had put it there before.

    UNSEEN: the target accepted it and does not show it, so that an officer decides.
    """

    ADDED = "added"
    WAS_THERE = "was-there"
    UNSEEN = "unseen"


class Presence(StrEnum):
    """Result of look. UNKNOWN: the target has no way to tell, so that an officer decides.

    UNFINISHED: it is there, but `put` did not complete, and has to be called again.
    """

    THERE = "there"
    UNFINISHED = "unfinished"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Held:
    """One place in a survey, with the fingerprints of its items as Connector.mark() computes them.

    name: for officers. has_older: another attribute has a value that mail programs prefer to ours.
    """

    place: str
    name: str
    fingerprints: tuple[str, ...]
    has_older: bool = False


class Connector(Protocol):
    """One configured target, for one run. Construction makes no call; close() ends its connection.

    place: immutable id of the person's entry there (entryUUID, objectGUID, a user id).
    """

    def check(self) -> str:
        """Connect and read, change nothing; return a sentence on what was found. Raises Unavailable."""

    def locate(self, identity: str) -> str:
        """The place of the person with this identity (the one that the settings name).

        Raises NoPlace, Refused (several entries), Unavailable.
        """

    def mark(self, item: Item) -> str:
        """The fingerprint of this item in a survey: SHA-256 of the stored value, lower-case hexadecimal."""

    def put(self, place: str, item: Item, *, instead_of: Item | None = None) -> Put:
        """Add the item; with instead_of, remove that one in the same step. Other items stay.

        Raises NoPlace, Refused, Unavailable, Doubtful.
        """

    def look(self, place: str, item: Item) -> Presence:
        """Whether exactly this item is there. Raises Unavailable."""

    def take_back(self, place: str, item: Item) -> None:
        """Remove exactly this item; idempotent. Raises Refused, Unavailable, Doubtful."""

    def survey(self) -> Iterator[Held]:
        """All places with an item, of anybody. Raises Unavailable, also for a truncated result."""

    def close(self) -> None:
        """Close the connection. Raises nothing."""


class KeyConnector(Connector, Protocol):
    """A target that gets private keys. A key that arrived stays there, to decrypt old mail.

    `put` and `look` get an item with its parcel; `take_back` and `survey` raise Refused.
    """

    @property
    def container_format(self) -> ContainerFormat:
        """The format of the containers that the target reads."""

    def seal(self, file: KeyFile) -> bytes:
        """Encrypt the key for the target while the worker has it; no network call. Raises Refused."""
