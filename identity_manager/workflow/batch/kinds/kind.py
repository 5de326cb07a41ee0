"""Base of the kinds of batch orders; each module beside this one has one or two, and __init__ lists them."""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from django.db.models import F, QuerySet

from identity_manager.models import (
    BatchKind,
    BatchLine,
    BatchOrder,
    ChosenAs,
    Person,
    Role,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.models.words import Words
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.batch.line_outcomes import StoredReasons


class Subject(Enum):
    """Type of a line's object: the field of BatchLine that names it."""

    PERSON = "person"
    TOKEN = "token"  # noqa: S105 a software token
    REQUEST = "about"

    def rows(self) -> QuerySet[Any]:
        """All of them, with their persons."""
        if self is Subject.PERSON:
            return Person.objects.all()
        if self is Subject.TOKEN:
            return SoftwareToken.objects.select_related("person", "request", "token_type")
        return TokenRequest.objects.select_related("person")

    def key(self, line: BatchLine) -> uuid.UUID:
        """The id of what the line is about."""
        key: uuid.UUID = getattr(line, f"{self.value}_id")
        return key

    def holder(self, row: Any) -> Person:
        """The person whom it concerns."""
        person: Person = row if self is Subject.PERSON else row.person
        return person


# Where a row of each subject has the chosen entries. What is not here cannot be chosen for it.
PATHS: Mapping[Subject, Mapping[ChosenAs, str]] = {
    Subject.PERSON: {ChosenAs.PERSONS: "pk", ChosenAs.NUMBERS: "personnel_number"},
    Subject.TOKEN: {
        ChosenAs.PERSONS: "person",
        ChosenAs.NUMBERS: "person__personnel_number",
        ChosenAs.REQUESTS: "request",
        ChosenAs.CERTIFICATES: "certificates",
        ChosenAs.TOKENS: "pk",
    },
    Subject.REQUEST: {
        ChosenAs.PERSONS: "person",
        ChosenAs.NUMBERS: "person__personnel_number",
        ChosenAs.REQUESTS: "pk",
    },
}


@dataclass(frozen=True)
class GivenOrder:
    """Order with its options, and its asker with present roles."""

    actor: Person
    order: BatchOrder


@dataclass(frozen=True)
class DryRunResult:
    """Result of the dry run for one row. types: codes of what the person would get."""

    is_ready: bool
    reasons: StoredReasons = field(default_factory=list)
    types: list[str] = field(default_factory=list)


class Acts(Protocol):
    """Carries out the lines of one shard, chunk by chunk."""

    def begin_chunk(self) -> None:
        """Read what does not depend on the lines; a fault here is not that of any line."""

    def plan_chunk(self, lines: Sequence[BatchLine], *, asker: Person) -> Any:
        """Before the transaction: what is read and computed for these lines."""

    def write(self, prepared: Any) -> None:
        """In the transaction of the chunk, the lease renewed: do it and write each line's outcome."""


class LineExecution(Protocol):
    """How rows are examined and lines carried out: by a verb on each (by_verb), or in bulk (enable)."""

    def examine(self, given: GivenOrder, rows: Sequence[Any]) -> list[DryRunResult]:
        """Dry run: a verdict on each of the rows."""

    def acts(self, order: BatchOrder, subject: Subject) -> Acts:
        """Runner that carries out the lines of the order."""

    def seen(self, row: Any) -> str:
        """State of the row that the asker confirms, as text; empty: none."""


@dataclass(frozen=True)
class Breaker:
    """Counts for a kind that takes away what persons work with.

    lately: how many were taken away in the last 24 hours, by whatever way; standing: how many there are now.
    pending: the kinds whose lines, in orders that run, are counted together. sentence takes number, all and
    percent.
    """

    lately: Callable[[], int]
    standing: Callable[[], int]
    kinds: frozenset[BatchKind]
    code: str
    sentence: Words


@dataclass(frozen=True)
class KindWords:
    """title: of the page where it is asked for; lead: what it does; done: what became of a line."""

    title: Words
    lead: Words
    done: Words


def _everything(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows


def _none_needed(_options: Mapping[str, Any]) -> tuple[str, Reason] | None:
    return None


@dataclass(frozen=True)
class OrderKind:
    """A kind of batch order.

    subject: what its lines are. way: how they are examined and carried out. candidates: which rows of a
    chosen person, or request, are meant; nothing: said where there are none, of tokens and requests. office:
    the role of who asks. breaker: counts after which a second officer decides. options_obstacle: the field
    and the reason where an option is wrong. wants_note: whether the asker has to say why.
    """

    kind: BatchKind
    subject: Subject
    words: KindWords
    way: LineExecution
    nothing: Reason | None = None
    candidates: Callable[[QuerySet[Any]], QuerySet[Any]] = _everything
    office: Role = Role.TOKEN_ADMINISTRATOR
    breaker: Breaker | None = None
    wants_note: bool = True
    options_obstacle: Callable[[Mapping[str, Any]], tuple[str, Reason] | None] = _none_needed

    def reaches(self, actor: Person, unit: str) -> bool:
        """Whether the actor holds the role for persons of this organisational unit."""
        return actor.is_active and actor.has_role(self.office, unit=unit)

    def can_be_chosen_as(self, chosen_as: str) -> bool:
        return chosen_as in PATHS[self.subject]


def found(kind: OrderKind, chosen_as: str, entries: Collection[str]) -> dict[str, list[Any]]:
    """The rows of each entry, in a stable order; of a person or request, only those that are meant."""
    path = PATHS[kind.subject][ChosenAs(chosen_as)]
    rows = kind.subject.rows().filter(**{f"{path}__in": entries}).order_by("pk")
    if path != "pk" and chosen_as != ChosenAs.CERTIFICATES:
        rows = kind.candidates(rows)
    by_entry: dict[str, list[Any]] = {}
    for row in rows.annotate(chosen_entry=F(path)):
        by_entry.setdefault(str(row.chosen_entry), []).append(row)
    return by_entry
