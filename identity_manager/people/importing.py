"""Import of persons: carries out exactly what a plan said, all of it or nothing."""

from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_fsm import ConcurrentTransition

from identity_manager import audit
from identity_manager.models import Person, PersonSource, PersonState
from identity_manager.people import import_plan
from identity_manager.people.import_plan import (
    GUARDED_PERCENT,
    IDENTITY_FIELDS,
    ImportPlan,
    Outcome,
    PlannedRow,
    plan,
    transition_to,
)
from identity_manager.workflow.errors import NotPossible, Reason

__all__ = ["ImportPlan", "ImportStopped", "Outcome", "PlannedRow", "carry_out", "plan"]

REFUSED_LINES_AUDITED = 1000
ROWS_REFUSED = Reason(
    "rows-refused",
    _("Some rows are refused, so nothing was imported. Correct them, or accept the other rows alone."),
)
PERSONS_CHANGED = Reason(
    "persons-changed",
    _("Persons have changed while this import was prepared. Nothing was imported; try again."),
)
_STATE_EVENTS = {
    PersonState.ACTIVE: audit.Event.PERSON_ACTIVATED,
    PersonState.INACTIVE: audit.Event.PERSON_DEACTIVATED,
    PersonState.LOCKED: audit.Event.PERSON_LOCKED,
}


class ImportStopped(NotPossible):
    """The import as a whole was not carried out, and nothing has changed."""


def carry_out(planned: ImportPlan, *, actor: Person | None, accept_partial: bool = False) -> ImportPlan:
    """Create and update as planned, in one transaction; actor None is who operates the machine.

    Raises ImportStopped, with nothing changed, when rows are refused and the others were not accepted alone;
    when more than 5 % of the persons would be deactivated or locked, or 5 % of the e-mails changed; or when
    the persons are no longer as they were planned with.
    """
    if planned.count(Outcome.REFUSED) and not accept_partial:
        raise ImportStopped(ROWS_REFUSED)
    _guard(planned)
    try:
        with transaction.atomic():
            fresh = plan(planned.source, confirm_identity_changes=planned.confirm_identity_changes)
            if not fresh.says_the_same_as(planned):
                raise ImportStopped(PERSONS_CHANGED)

            _create(fresh)
            for row in fresh.with_outcome(Outcome.UPDATE):
                _update(row, actor=actor)
            _record(fresh, actor=actor)
            return fresh
    except (ConcurrentTransition, IntegrityError) as error:
        raise ImportStopped(PERSONS_CHANGED) from error


def _guard(planned: ImportPlan) -> None:
    """A wrong file is stopped before it locks half of the house out."""
    if planned.leaving * 100 > GUARDED_PERCENT * planned.persons:
        sentence = _(
            "This would deactivate or lock %(number)s of %(all)s persons, more than %(percent)s %%."
            " A second officer has to confirm that. Nothing was imported."
        )
        raise ImportStopped(_reason("too-many-leaving", sentence, planned.leaving, planned.persons))
    if planned.emails_changed * 100 > GUARDED_PERCENT * planned.emails:
        sentence = _(
            "This would change %(number)s of %(all)s e-mail addresses, more than %(percent)s %%."
            " A second officer has to confirm that. Nothing was imported."
        )
        raise ImportStopped(_reason("too-many-emails", sentence, planned.emails_changed, planned.emails))


def _reason(code: str, sentence: Promise, number: int, total: int) -> Reason:
    return Reason(code, str(sentence) % {"number": number, "all": total, "percent": GUARDED_PERCENT})


def _create(planned: ImportPlan) -> None:
    """bulk_create knows nothing of save(): the search text is composed here."""
    rows = planned.with_outcome(Outcome.CREATE)
    persons = {row.personnel_number: _new_person(row) for row in rows}
    wanted = {row.changes["manager"] for row in rows if "manager" in row.changes}
    managers = import_plan.known_persons(wanted - set(persons)) | persons
    for row in rows:
        persons[row.personnel_number].manager = managers.get(row.changes.get("manager", ""))
    Person.objects.bulk_create(persons.values(), batch_size=500)


def _new_person(row: PlannedRow) -> Person:
    fields = {name: value for name, value in row.changes.items() if name not in ("manager", "state")}
    person = Person(source=PersonSource.CSV, **fields)
    if (state := row.changes.get("state", PersonState.REGISTERED)) != PersonState.REGISTERED:
        transition_to(person, state)()
    person.search_text = person.compose_search_text()
    return person


def _update(row: PlannedRow, *, actor: Person | None) -> None:
    """Each by itself: save() compares the version, so that nobody else's change is written over."""
    person = row.person
    assert person is not None  # noqa: S101 what is updated exists
    changes = dict(row.changes)
    state = changes.pop("state", None)
    if "manager" in changes:
        person.manager = Person.objects.filter(personnel_number=changes.pop("manager")).first()
    for name, value in changes.items():
        setattr(person, name, value)
    if state is not None:
        transition_to(person, state)()
    person.save()
    if identity := sorted(set(changes) & set(IDENTITY_FIELDS)):
        audit.record(audit.Event.PERSON_CHANGED, actor=actor, subject=person, fields=identity)
    if state is not None:
        audit.record(_STATE_EVENTS[PersonState(state)], actor=actor, subject=person)


def _record(planned: ImportPlan, *, actor: Person | None) -> None:
    refused = planned.with_outcome(Outcome.REFUSED)
    audit.record(
        audit.Event.PERSONS_IMPORTED,
        actor=actor,
        subject=None,
        source=PersonSource.CSV.value,
        counts={outcome.value: planned.count(outcome) for outcome in Outcome},
        identity_changes_confirmed=planned.confirm_identity_changes,
        refused_lines=[row.line for row in refused[:REFUSED_LINES_AUDITED]],
    )
