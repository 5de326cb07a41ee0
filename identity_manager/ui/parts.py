"""Values for UI components: built by views, rendered by template tags."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from identity_manager.models.words import Words


class Meaning(StrEnum):
    """Visual meaning of a state: colour and icon; the word comes from the caller."""

    DONE = "done"
    WAITING = "waiting"
    STOPPED = "stopped"
    INFORMATION = "information"
    QUIET = "quiet"


MEANING_ICONS = {
    Meaning.DONE: "done",
    Meaning.WAITING: "waiting",
    Meaning.STOPPED: "stopped",
    Meaning.INFORMATION: "information",
    Meaning.QUIET: "circle",
}


class StepState(StrEnum):
    """Progress of a step; NEXT has not begun."""

    DONE = "done"
    NOW = "now"
    WAITS = "waits"
    STOPPED = "stopped"
    SKIPPED = "skipped"
    NEXT = "next"


@dataclass(frozen=True)
class StepperStep:
    """One step in the stepper of a request: who acts or acted, and when."""

    number: int
    name: Words
    state: StepState | str = StepState.NEXT
    who: Words = ""
    at: datetime | None = None


@dataclass(frozen=True)
class TimelineEvent:
    """One entry of a history. icon: symbol name; empty: the meaning's icon."""

    at: datetime
    title: Words
    actor: Words = ""
    detail: Words = ""
    meaning: Meaning | str = Meaning.QUIET
    icon: str = ""


@dataclass(frozen=True)
class Pair:
    """One entry of a key-value list. mono: for serials and fingerprints; note: a quiet line below."""

    label: Words
    value: object
    note: Words = ""
    mono: bool = False

    @property
    def shown(self) -> object:
        """The value, or a dash for an empty one; 0 is a value."""
        return "–" if self.value is None or self.value == "" else self.value


@dataclass(frozen=True)
class Tab:
    """A tab within a page."""

    label: Words
    url: str
    current: bool = False
    count: int | None = None


@dataclass(frozen=True)
class Device:
    """A device in the picker; icon: desktop, laptop, phone, tablet, terminal or browser."""

    label: Words
    icon: str
    url: str
    current: bool = False


@dataclass(frozen=True)
class Card:
    """Label of a choice: title, one line, and why it is disabled."""

    title: Words
    line: Words = ""
    reason: Words = ""
    icon: str = ""

    def __str__(self) -> str:
        return str(self.title)


# Icons of well-known token types by code; any other has the icon of a token.
TYPE_ICONS = {
    "vpn": "network",
    "encryption": "lock",
    "signature": "pen",
    "smime": "mail",
    "authentication": "key",
}


def type_icon(code: str) -> str:
    """Return the icon of a token type, the same wherever it can be chosen."""
    return TYPE_ICONS.get(code, "token")


def pairs(lines: Iterable["Pair | tuple[Words, object]"]) -> list[Pair]:
    """Return the lines as Pairs; a line may be a plain (label, value)."""
    return [line if isinstance(line, Pair) else Pair(*line) for line in lines]
