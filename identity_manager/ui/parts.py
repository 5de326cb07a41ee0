"""What the parts of a page are told: small values that views build and template tags draw."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from identity_manager.models.words import Words


class Meaning(StrEnum):
    """What a state means to the eye. Each has a colour and an icon; the word comes from the caller."""

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
    """How far a step of the road is. NEXT is a step that has not begun."""

    DONE = "done"
    NOW = "now"
    WAITS = "waits"
    STOPPED = "stopped"
    SKIPPED = "skipped"
    NEXT = "next"


@dataclass(frozen=True)
class StepperStep:
    """One of the steps across a request's page: who has to act, or who did, and when."""

    number: int
    name: Words
    state: StepState | str = StepState.NEXT
    who: Words = ""
    at: datetime | None = None


@dataclass(frozen=True)
class TimelineEvent:
    """One line of a history. icon names a symbol; without it the meaning's own is drawn."""

    at: datetime
    title: Words
    actor: Words = ""
    detail: Words = ""
    meaning: Meaning | str = Meaning.QUIET
    icon: str = ""


@dataclass(frozen=True)
class Pair:
    """A line of a key-value list. mono for serials and fingerprints; note is a quiet line below."""

    label: Words
    value: object
    note: Words = ""
    mono: bool = False

    @property
    def shown(self) -> object:
        """The value, or a dash where there is none; nought is a value."""
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
    """A device to choose in the picker; icon is desktop, laptop, phone, tablet, terminal or browser."""

    label: Words
    icon: str
    url: str
    current: bool = False


@dataclass(frozen=True)
class Card:
    """The label of a choice: title, one line, and the reason when it cannot be chosen."""

    title: Words
    line: Words = ""
    reason: Words = ""
    icon: str = ""

    def __str__(self) -> str:
        return str(self.title)


# The usual types by their code; any other has the icon of a token.
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
