"""Import of persons: carries out exactly what a plan said, all of it or nothing."""

import uuid
from dataclasses import dataclass
from typing import Protocol

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from django_fsm import ConcurrentTransition

from identity_manager import audit
from identity_manager.models import Person, PersonImport, PersonSource, PersonState
from identity_manager.people import breaker
from identity_manager.people.breaker import Counted
from identity_manager.people.identity import identity_changes
from identity_manager.people.imports import plan as import_plan
from identity_manager.people.imports.plan import (
    ImportPlan,
    plan,
    transition_to,
)
from identity_manager.people.imports.planned_row import PlannedRow, RowOutcome
from identity_manager.people.officers import roles
from identity_manager.transactions import advisory_locks, locking
from identity_manager.transactions.refusals import NotPossible, Reason, Refused

__all__ = ["ImportPlan", "ImportStopped", "PlannedRow", "RowOutcome", "carry_out", "plan"]

REFUSED_LINES_AUDITED = 1000
ROWS_REFUSED = Reason(
    "rows-refused",
    _("Some rows are refused, so nothing was imported. Correct them, or accept the other rows alone."),
)
PERSONS_CHANGED = Reason(
    "persons-changed",
    _("Persons have changed while this import was prepared. Nothing was imported; try again."),
)


class ImportStopped(NotPossible):
    """The import as a whole was not carried out, and nothing has changed."""


class ChangesState(Protocol):
    """Verb of the workflow that changes a person's state with their roles, tokens and requests."""

    def __call__(self, *, person_id: uuid.UUID, state: PersonState, actor: Person | None) -> None: ...


@dataclass(frozen=True)
class Importing:
    """Context of an import: actor (None: a command), verb for leaving persons, and the import's row."""

    actor: Person | None
    change_state: ChangesState
    row: PersonImport | None


def carry_out(
    planned: ImportPlan,
    *,
    actor: Person | None,
    change_state: ChangesState,
    accept_partial: bool = False,
    confirmed_by: Person | None = None,
    row: PersonImport | None = None,
) -> ImportPlan:
    """Create and update as planned, in one transaction; actor: None for a command.

    change_state is workflow.leave_and_return.take_over_state. E-mail, UPN and SID are left waiting for a
    second officer, on the page of the import (row). Raises ImportStopped, with nothing changed, when rows are
    refused and the others were not accepted alone; when the guard stops it and no second officer has
    confirmed it; or when the persons are no longer as they were planned with.
    """
    if planned.count(RowOutcome.REFUSED) and not accept_partial:
        raise ImportStopped(ROWS_REFUSED)
    importing = Importing(actor, change_state, row)
    try:
        with transaction.atomic():
            advisory_locks.imports()
            stopped = guard(planned)
            if stopped is not None and confirmed_by is None:
                raise ImportStopped(stopped)
            fresh = plan(planned.source, actor=actor, trusted=planned.trusted)
            if not fresh.says_the_same_as(planned):
                raise ImportStopped(PERSONS_CHANGED)

            _create(fresh, importing)
            _lock_with_system_administrators(fresh)
            for each in _known_rows(fresh):
                _update(each, importing)
            _record(fresh, actor=actor)
            return fresh
    except (ConcurrentTransition, IntegrityError) as error:
        raise ImportStopped(PERSONS_CHANGED) from error


def guard(planned: ImportPlan) -> Reason | None:
    """Why a second officer has to confirm the import, or None (people.breaker)."""
    found = breaker.stop(
        leaving=planned.leaving,
        emails_changed=planned.emails_changed,
        counted=Counted(planned.persons, planned.emails),
    )
    return None if found is None else found.reason


def _create(planned: ImportPlan, importing: Importing) -> None:
    """bulk_create knows nothing of save(): the search text is composed here."""
    rows = planned.with_outcome(RowOutcome.CREATE)
    persons = {row.personnel_number: _new_person(row, actor=importing.actor) for row in rows}
    wanted = {row.changes["manager"] for row in rows if "manager" in row.changes}
    managers = import_plan.known_persons(wanted - set(persons)) | persons
    for row in rows:
        persons[row.personnel_number].manager = managers.get(row.changes.get("manager", ""))
    Person.objects.bulk_create(persons.values(), batch_size=500)
    entered = ((persons[row.personnel_number], row.waits) for row in rows)
    identity_changes.enter(
        ((person, new) for person, new in entered if person.state != PersonState.LOCKED),
        source=PersonSource.CSV,
        actor=importing.actor,
        person_import=importing.row,
    )


def _new_person(row: PlannedRow, *, actor: Person | None) -> Person:
    fields = {name: value for name, value in row.changes.items() if name not in ("manager", "state")}
    person = Person(source=PersonSource.CSV, entered_by=actor, **fields)
    if (state := row.changes.get("state", PersonState.REGISTERED)) != PersonState.REGISTERED:
        transition_to(person, state)()
    person.search_text = person.compose_search_text()
    return person


def _known_rows(planned: ImportPlan) -> list[PlannedRow]:
    """Rows with an update or waiting changes, in the one order in which persons are locked."""
    rows = [*planned.with_outcome(RowOutcome.UPDATE), *planned.with_outcome(RowOutcome.WAITS)]
    return sorted(rows, key=lambda row: row.person.pk if row.person else row.line)


def _lock_with_system_administrators(planned: ImportPlan) -> None:
    """If a System Administrator leaves or returns, lock them all and all whom the file changes, in one order.

    The verb that changes the state locks the other System Administrators, too. With persons locked already
    who come after them, two imports would wait for each other for ever. Otherwise each person is locked as
    their row is written. Either way who is new comes first: where both imports have them, the second waits
    there for the first to end, and must hold nobody for whom that one waits.
    """
    rows = {row.person.pk: row for row in _known_rows(planned) if row.person}
    holders = roles.system_administrators()
    if any("state" in row.changes and pk in holders for pk, row in rows.items()):
        locking.persons({*holders, *rows})


def _update(row: PlannedRow, importing: Importing) -> None:
    """Each by itself: save() compares the version, so that nobody else's change is written over."""
    person = row.person
    assert person is not None  # noqa: S101 what is updated exists
    changes = dict(row.changes)
    state = changes.pop("state", None)
    if changes:
        _write(person, changes, actor=importing.actor)
    if row.waits and state != PersonState.LOCKED:
        locked = locking.person(person.pk)
        identity_changes.ask(
            locked,
            new=row.waits,
            source=PersonSource.CSV,
            actor=importing.actor,
            person_import=importing.row,
        )
    if state is not None:
        _change_state(row, person, PersonState(state), importing)


def _write(person: Person, changes: dict[str, str], *, actor: Person | None) -> None:
    fields = sorted(changes)
    if "manager" in changes:
        person.manager = Person.objects.filter(personnel_number=changes.pop("manager")).first()
    for name, value in changes.items():
        setattr(person, name, value)
    person.save()
    audit.record(audit.Event.PERSON_CHANGED, actor=actor, subject=person, fields=fields)


def _change_state(row: PlannedRow, person: Person, state: PersonState, importing: Importing) -> None:
    try:
        importing.change_state(person_id=person.pk, state=state, actor=importing.actor)
    except Refused as refused:
        sentence = _("Line %(line)s: %(sentence)s Nothing was imported.")
        words = {"line": row.line, "sentence": refused}
        raise ImportStopped(Reason(refused.reason.code, str(sentence) % words)) from refused


def _record(planned: ImportPlan, *, actor: Person | None) -> None:
    refused = planned.with_outcome(RowOutcome.REFUSED)
    audit.record(
        audit.Event.PERSONS_IMPORTED,
        actor=actor,
        subject=None,
        source=PersonSource.CSV.value,
        counts={outcome.value: planned.count(outcome) for outcome in RowOutcome},
        refused_lines=[row.line for row in refused[:REFUSED_LINES_AUDITED]],
    )
