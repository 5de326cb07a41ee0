"""The contract of targets: where a certificate is put so that others find it, or a key so that it is used.

A connector changes no row of ours. The journal (models.Placement) says what is ours: a connector removes only
the item that it is given. Each call has one outcome that is certain, or raises one of the errors below; what
may or may not have happened is Doubtful, and whoever called looks before anything is repeated.
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
    """No answer came: it may have happened, and it may not."""


@dataclass(frozen=True)
class Item:
    """What is put. certificate: DER. parcel: its key, as `KeyConnector.seal` made it; empty without one."""

    certificate: bytes
    parcel: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class KeyFile:
    """A key on its way out: a container that was made for one target, under a passphrase of its own.

    address: the mail address in the certificate; empty where it names none. chain: issuers, without the root.
    """

    certificate: bytes
    chain: tuple[bytes, ...]
    address: str
    container: bytes = field(repr=False)
    passphrase: str = field(repr=False)


class Put(StrEnum):
    """ADDED: it is there now, and ours. WAS_THERE: somebody else had put it there before us.

    UNSEEN: the target took it and does not show it, so that an officer decides.
    """

    ADDED = "added"
    WAS_THERE = "was-there"
    UNSEEN = "unseen"


class Presence(StrEnum):
    """What a look found. UNKNOWN: the target cannot be asked, so that an officer decides.

    UNFINISHED: it is there, and `put` has something left to do, which it may be called for again.
    """

    THERE = "there"
    UNFINISHED = "unfinished"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Held:
    """One place of a survey: which items it has, as Connector.mark() names them.

    name: for officers. has_older: another attribute holds a value that programs use before ours.
    """

    place: str
    name: str
    fingerprints: tuple[str, ...]
    has_older: bool = False


class Connector(Protocol):
    """One configured target, for one run. It is made without a call; close() ends its connection.

    place: what never changes of the person's entry there (entryUUID, objectGUID, a user id).
    """

    def check(self) -> str:
        """Connect and read, change nothing; return a sentence on what was found. Raises Unavailable."""

    def locate(self, identity: str) -> str:
        """The place of the person with this identity (the one that the settings name).

        Raises NoPlace, Refused (several entries), Unavailable.
        """

    def mark(self, item: Item) -> str:
        """How a survey names this item: SHA-256 of what is stored for it, lower hex."""

    def put(self, place: str, item: Item, *, instead_of: Item | None = None) -> Put:
        """Add the item; with instead_of, remove that one in the same step. Other items stay.

        Raises NoPlace, Refused, Unavailable, Doubtful.
        """

    def look(self, place: str, item: Item) -> Presence:
        """Whether exactly this item is there. Raises Unavailable."""

    def take_back(self, place: str, item: Item) -> None:
        """Remove exactly this item; nothing to remove is fine. Raises Refused, Unavailable, Doubtful."""

    def survey(self) -> Iterator[Held]:
        """All places that have an item, of anybody. Raises Unavailable, also where it was cut short."""

    def close(self) -> None:
        """End the connection; whatever the answer."""


class KeyConnector(Connector, Protocol):
    """A target that takes keys. What arrived stays there: it opens mail from before.

    `put` and `look` get an item with its parcel; `take_back` and `survey` are refused.
    """

    @property
    def container_format(self) -> ContainerFormat:
        """The format of the containers that the target reads."""

    def seal(self, file: KeyFile) -> bytes:
        """Make the parcel, without a call, while the worker has the key. Raises Refused."""
