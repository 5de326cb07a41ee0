"""Plan (dry run) of an import of persons, row by row: create, update, leave, or refuse and why."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django_fsm import can_proceed

from identity_manager.directory.csv_file import CsvRow
from identity_manager.models import Person, PersonState
from identity_manager.people import directory_ownership, registration_policy, validation
from identity_manager.people.imports import uniqueness
from identity_manager.people.imports.planned_row import PlannedRow, RowOutcome
from identity_manager.people.officers import roles
from identity_manager.people.validation import FieldError
from identity_manager.person_fields import CHOSEN_FIELDS

LEAVING = (PersonState.INACTIVE, PersonState.LOCKED)


@dataclass(frozen=True)
class ImportPlan:
    """Dry run of an import. source: what it was made of, so that it can be made again.

    trusted: the identities of new persons are theirs at once.
    """

    rows: tuple[PlannedRow, ...]
    source: tuple[CsvRow, ...]
    persons: int
    emails: int
    trusted: bool = False

    def count(self, outcome: RowOutcome) -> int:
        """How many rows end so."""
        return Counter(row.outcome for row in self.rows)[outcome]

    def with_outcome(self, outcome: RowOutcome) -> list[PlannedRow]:
        """The rows that end so, in the order of the file."""
        return [row for row in self.rows if row.outcome == outcome]

    @property
    def leaving(self) -> int:
        """How many persons it would deactivate or lock."""
        return len(self.persons_leaving())

    def persons_leaving(self) -> list[Person]:
        """The persons whom it would deactivate or lock."""
        rows = (row for row in self._changing() if row.changes.get("state") in LEAVING)
        return [row.person for row in rows if row.person]

    @property
    def emails_changed(self) -> int:
        """How many known e-mail addresses it would change, now or after a second officer's word."""
        return sum(
            1
            for row in self._changing()
            if row.person and row.person.email and "email" in {**row.changes, **row.waits}
        )

    def _changing(self) -> Iterator[PlannedRow]:
        return (row for row in self.rows if row.person is not None and not row.errors)

    @property
    def digest(self) -> str:
        """Digest of the plan: two plans with one digest do the same."""
        lines = [(row.line, row.outcome.value, row.changes, row.waits) for row in self.rows]
        return hashlib.sha256(json.dumps(lines, sort_keys=True).encode()).hexdigest()

    def says_the_same_as(self, other: "ImportPlan") -> bool:
        """Whether both would do the same."""
        mine, others = ([(row.outcome, row.changes, row.waits) for row in p.rows] for p in (self, other))
        return mine == others


def plan(rows: Iterable[CsvRow], *, actor: Person | None = None, trusted: bool = False) -> ImportPlan:
    """Say what an import of the rows would do; change nothing. actor: None for a command.

    E-mail, UPN and SID wait for a second officer: a change of a known person's, and those of a new person,
    where the file is not trusted as the demo's is. Nobody's file changes their own record, as no form does.
    """
    source = tuple(rows)
    cleaned = [validation.clean(row.values) for row in source]
    numbers = {value for each in cleaned for value in _numbers(each)}
    known = known_persons(numbers)
    planned = tuple(_plan_row(row, each, known) for row, each in zip(source, cleaned, strict=True))
    _refuse_own(planned, actor)
    _refuse_owned(planned)
    _refuse_repeated(planned)
    uniqueness.refuse_duplicates(planned)
    _refuse_unknown_managers(planned, known)
    for row in planned:
        if row.person is not None or not trusted:
            _let_identity_wait(row)
    counted = Person.objects.exclude(state=PersonState.LOCKED)
    return ImportPlan(planned, source, counted.count(), counted.exclude(email="").count(), trusted)


def _numbers(cleaned: validation.Cleaned) -> Iterator[str]:
    for name in ("personnel_number", "manager"):
        if value := cleaned.values.get(name):
            yield value


def known_persons(numbers: set[str]) -> dict[str, Person]:
    """Return the persons with these personnel numbers, by number."""
    known: dict[str, Person] = {}
    for some in uniqueness.in_chunks(sorted(numbers)):
        persons = Person.objects.select_related("manager").filter(personnel_number__in=some)
        known |= {person.personnel_number: person for person in persons}
    return known


def _plan_row(row: CsvRow, cleaned: validation.Cleaned, known: dict[str, Person]) -> PlannedRow:
    number = cleaned.values.get("personnel_number", "")
    planned = PlannedRow(row.line, number or row.values.get("personnel_number", "").strip())
    planned.person = known.get(number)
    planned.errors = [FieldError("", row.problem)] if row.problem else list(cleaned.errors)
    if not planned.errors:
        planned.changes = changes_of(planned.person, cleaned.values)
        _check_state(planned)
    return planned


def changes_of(person: Person | None, values: dict[str, str]) -> dict[str, str]:
    """Values that change the person, by field; of a new one, all that are not empty."""
    # An empty cell of these leaves the field as it is.
    wanted = {name: value for name, value in values.items() if value or name not in CHOSEN_FIELDS}
    if display_name := _display_name(person, wanted):
        wanted["display_name"] = display_name
    if person is None:
        return {name: value for name, value in wanted.items() if value}
    return {name: value for name, value in wanted.items() if value != _present(person, name)}


def _present(person: Person, name: str) -> str:
    if name == "manager":
        return person.manager.personnel_number if person.manager else ""
    return str(getattr(person, name))


def _display_name(person: Person | None, wanted: dict[str, str]) -> str:
    """The name to show where the row says none: composed, unless the person has one of their own."""
    composed = validation.compose_display_name(wanted["given_name"], wanted["surname"])
    if "display_name" in wanted:
        return wanted["display_name"] or composed
    if person is None:
        return composed
    own = person.display_name != validation.compose_display_name(person.given_name, person.surname)
    return "" if own else composed


def _check_state(row: PlannedRow) -> None:
    person, wanted = row.person, row.changes.get("state")
    if person is None:
        return
    if person.is_api_client:
        row.refuse("personnel_number", str(registration_policy.API_CLIENT))
    elif person.state == PersonState.LOCKED and row.changes:
        row.refuse("state", _("This person is Locked for good and does not change any more."))
    elif wanted and (wanted == PersonState.REGISTERED or not can_proceed(transition_to(person, wanted))):
        words = {"now": person.get_state_display(), "wanted": PersonState(wanted).label}
        row.refuse("state", _("Who is %(now)s does not become %(wanted)s.") % words)
    elif wanted in LEAVING and (reason := roles.last_system_administrator(person)):
        row.refuse("state", str(reason))


def transition_to(person: Person, state: str) -> Callable[[], None]:
    """The transition that ends in the state."""
    transitions: dict[PersonState, Callable[[], None]] = {
        PersonState.ACTIVE: person.activate,
        PersonState.INACTIVE: person.deactivate,
        PersonState.LOCKED: person.lock,
    }
    return transitions[PersonState(state)]


def _refuse_own(rows: Sequence[PlannedRow], actor: Person | None) -> None:
    for row in rows:
        if row.person is not None and row.person == actor and row.changes:
            row.refuse("", str(registration_policy.OWN_RECORD))


def _refuse_owned(rows: Sequence[PlannedRow]) -> None:
    """Refuse rows that change a field which a directory owns."""
    changed = [row for row in rows if row.person is not None and row.changes]
    linked = directory_ownership.linked([row.person.pk for row in changed if row.person])
    for row in changed:
        source = linked.get(row.person.pk) if row.person else None
        name = next((each for each in row.changes if source and each in {*source.fields, "state"}), None)
        if source is not None and name is not None:
            row.refuse(name, str(directory_ownership.owned_by(source)))


def _refuse_repeated(rows: Sequence[PlannedRow]) -> None:
    first: dict[str, int] = {}
    for row in rows:
        line = first.setdefault(row.personnel_number, row.line)
        if row.personnel_number and line != row.line:
            row.refuse("personnel_number", _("Stands in line %(line)s already.") % {"line": line})


def _refuse_unknown_managers(rows: Sequence[PlannedRow], known: dict[str, Person]) -> None:
    """A manager is known, or comes with this file; who is refused does not come."""
    for row in rows:
        if row.personnel_number and row.changes.get("manager") == row.personnel_number:
            row.refuse("manager", _("Nobody is their own manager."))
    while True:
        coming = {row.personnel_number for row in rows if row.outcome == RowOutcome.CREATE}
        lost = [row for row in rows if not row.errors and not _manager_found(row, known, coming)]
        for row in lost:
            row.refuse("manager", _("There is no person %(number)s.") % {"number": row.changes["manager"]})
        if not lost:
            return


def _manager_found(row: PlannedRow, known: dict[str, Person], coming: set[str]) -> bool:
    manager = row.changes.get("manager")
    return not manager or manager in known or manager in coming


def _let_identity_wait(row: PlannedRow) -> None:
    row.waits = {name: row.changes.pop(name) for name in uniqueness.identity_fields() if name in row.changes}
