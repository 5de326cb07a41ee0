"""Columns of the rows of an import of persons, on its page and in its CSV report."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.lists.columns import Column, Columns
from identity_manager.models import Person
from identity_manager.models.people.person import field_label
from identity_manager.models.words import Vocabulary, Words
from identity_manager.people.imports.planned_row import PlannedRow, RowOutcome
from identity_manager.ui import cells
from identity_manager.ui.parts import Meaning
from identity_manager.ui.punctuation import labelled
from identity_manager.ui.templatetags import badges

OUTCOMES = Vocabulary(
    "rows of imports of persons",
    {
        RowOutcome.REFUSED: _("Refused"),
        RowOutcome.CREATE: _("New"),
        RowOutcome.UPDATE: _("Changed"),
        RowOutcome.WAITS: _("Wait for a second officer"),
        RowOutcome.UNCHANGED: _("Unchanged"),
    },
)
MEANINGS = {
    RowOutcome.REFUSED: Meaning.STOPPED,
    RowOutcome.CREATE: Meaning.DONE,
    RowOutcome.UPDATE: Meaning.INFORMATION,
    RowOutcome.WAITS: Meaning.WAITING,
    RowOutcome.UNCHANGED: Meaning.QUIET,
}


@dataclass(frozen=True)
class ImportLine:
    """One row of the file. sentences: what is wrong with it, or what it changes."""

    row: PlannedRow
    sentences: list[str]

    @property
    def name(self) -> str:
        if self.row.person is not None:
            return self.row.person.display_name
        return self.row.changes.get("display_name", "")

    @property
    def outcome(self) -> Words:
        return OUTCOMES.in_words(self.row.outcome)


def lines(rows: Iterable[PlannedRow]) -> Iterator[ImportLine]:
    """The rows with their sentences."""
    for row in rows:
        yield ImportLine(row, list(_sentences(row)))


def shown(name: str, value: str) -> str:
    """The label of a value with choices; any other value as it is."""
    field = Person._meta.get_field(name)
    return str(dict(getattr(field, "flatchoices", ())).get(value, value))


def _sentences(row: PlannedRow) -> Iterator[str]:
    for error in row.errors:
        yield labelled(field_label(error.field), error.sentence)
    if row.errors:
        return
    if row.person is None:
        yield from _waiting_sentences(row)
        return
    for name, value in {**row.changes, **row.waits}.items():
        before = row.person.manager.personnel_number if name == "manager" and row.person.manager else ""
        before = before or str(getattr(row.person, name) or "–")
        yield labelled(field_label(name), f"{shown(name, before)} → {shown(name, value or '–')}")


def _waiting_sentences(row: PlannedRow) -> Iterator[str]:
    for name, value in row.waits.items():
        words = {"field": field_label(name), "value": value}
        yield gettext("%(field)s: %(value)s (waits for a second officer)") % words


def _person(line: ImportLine) -> object:
    return cells.with_line(cells.isolate(line.name), line.row.personnel_number)


def _outcome(line: ImportLine) -> object:
    return badges.badge(MEANINGS[line.row.outcome], str(line.outcome))


COLUMNS = Columns(
    (
        Column("line", _("Line"), lambda line: line.row.line, export="row.line", css="numeric"),
        Column("number", _("Personnel number"), export="row.personnel_number"),
        Column("person", _("Person"), _person),
        Column("name", _("Name"), export="name"),
        Column("outcome", _("Outcome"), _outcome, export="outcome"),
        Column(
            "details",
            _("Details"),
            lambda line: cells.stacked(line.sentences),
            export=lambda line: " ".join(line.sentences),
        ),
    ),
    shown=("person", "line", "outcome", "details"),
    is_steady=False,
)
