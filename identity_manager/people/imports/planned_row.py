"""One row of an import and what becomes of it."""

from dataclasses import dataclass, field
from enum import StrEnum

from identity_manager.models import Person
from identity_manager.people.validation import FieldError


class RowOutcome(StrEnum):
    """Outcome of a row. A row that waits holds nothing but changes for a second officer."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    WAITS = "waits"
    REFUSED = "refused"


@dataclass
class PlannedRow:
    """One row: the person it is about (None for a new one), and by field what is written, what waits
    for a second officer, and what is wrong. manager stands in it as a personnel number."""

    line: int
    personnel_number: str
    person: Person | None = None
    changes: dict[str, str] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)

    @property
    def outcome(self) -> RowOutcome:
        if self.errors:
            return RowOutcome.REFUSED
        if self.person is None:
            return RowOutcome.CREATE
        if self.changes:
            return RowOutcome.UPDATE
        return RowOutcome.WAITS if self.waits else RowOutcome.UNCHANGED

    def refuse(self, name: str, sentence: str) -> None:
        """Note what is wrong with a field."""
        self.errors.append(FieldError(name, sentence))
