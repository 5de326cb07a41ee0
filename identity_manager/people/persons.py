"""Verbs on persons: create and edit. Leave and return are in the workflow."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue, task_names
from identity_manager.models import IdentityChange, Person, PersonSource
from identity_manager.people import directory_ownership, registration_policy, validation
from identity_manager.people.identity import identity_changes
from identity_manager.people.imports import uniqueness
from identity_manager.person_fields import TEXT_FIELDS
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Stale, refuse, require

NUMBER_TAKEN = Reason("number-taken", _("There is a person with this personnel number already."))
TAKEN = Reason("taken", _("Belongs to another person already."))
NO_MANAGER = Reason("no-manager", _("There is no person with this personnel number."))
OWN_MANAGER = Reason("own-manager", _("Nobody is their own manager."))
CHANGED_MEANWHILE = Reason(
    "changed-meanwhile",
    _("Somebody changed this person since you opened the page. Look at what is different, then save again."),
)
_NEVER_EMPTY = ("kind", "language", "time_zone")
EDITABLE = (*(name for name in TEXT_FIELDS if name != "personnel_number"), *_NEVER_EMPTY)


@dataclass(frozen=True)
class Edited:
    """Result of an edit: the person, the fields written, and the pending identity change."""

    person: Person
    fields: tuple[str, ...]
    waits: IdentityChange | None


def create_active(*, actor: Person | None, values: Mapping[str, str]) -> Person:
    """Create an Active person. values: fields of validation.clean except manager and state.

    actor: None for a command. Identities need no second officer, because commands create the first officers,
    before there is anybody else. Raises NotPossible with the first invalid field.
    """
    with transaction.atomic():
        return _create(_checked(values), active=True, actor=actor)


def enter(*, actor: Person, values: Mapping[str, str], active: bool) -> Person:
    """Enter a person by hand: Active, or Registered only. E-mail, UPN and SID wait for a second officer.

    values: the fields of validation.clean but state. Raises NotAllowed, or NotPossible with the first field
    at fault.
    """
    with transaction.atomic():
        fields = _checked(values)
        _must_register_in(fields.get("organisational_unit", ""), actor)

        _check_new(fields)
        new = {name: fields.pop(name) for name in uniqueness.identity_fields() if name in fields}
        person = _create(fields, active=active, actor=actor)
        identity_changes.enter([(person, new)], source=PersonSource.MANUAL, actor=actor)
        return person


def edit(*, actor: Person, person_id: uuid.UUID, version: int, values: Mapping[str, str]) -> Edited:
    """Change a person's record; a changed e-mail, UPN or SID waits for a second officer.

    values: of EDITABLE, those that the form shows. version: what the form was made of. Raises NotAllowed,
    Stale (changed meanwhile, or Locked), or NotPossible with the first field at fault.
    """
    with transaction.atomic():
        person = locking.person(person_id)
        refuse(registration_policy.officer_obstacle(actor, person), kind=NotAllowed)
        refuse(registration_policy.editing_obstacle(actor, person), kind=Stale)
        refuse(CHANGED_MEANWHILE if person.version != version else None, kind=Stale)
        fields = _checked({"personnel_number": person.personnel_number, **values}, allow_empty=True)
        _must_register_in(fields.get("organisational_unit", person.organisational_unit), actor)
        manager = _manager(fields.pop("manager"), person) if "manager" in fields else person.manager
        changed = {name: value for name, value in fields.items() if value != getattr(person, name)}
        new = {name: changed.pop(name) for name in uniqueness.identity_fields() if name in changed}
        _check_free(new, person.personnel_number)

        names = [*changed, *new, *(("manager",) if manager != person.manager else ())]
        _refuse_owned(person, names)

        written = _write(person, changed, manager)
        if written:
            audit.record(audit.Event.PERSON_CHANGED, actor=actor, subject=person, fields=written)
            queue.after_commit(task_names.DETECT_PERSON_CHANGES, person.pk)
        change = (
            identity_changes.ask(person, new=new, source=PersonSource.MANUAL, actor=actor) if new else None
        )
        return Edited(person, tuple(written), change)


def _refuse_owned(person: Person, names: Collection[str]) -> None:
    if (owned := directory_ownership.editing_obstacle(person, names)) is not None:
        refuse(owned[1], field=owned[0])


def _must_register_in(unit: str, actor: Person) -> None:
    allowed = registration_policy.registers_in(actor, unit)
    require(allowed, else_=registration_policy.NOT_YOUR_UNIT, kind=NotAllowed, field="organisational_unit")


def _checked(values: Mapping[str, str], *, allow_empty: bool = False) -> dict[str, str]:
    """The values as they are kept. Raises NotPossible with the first field at fault."""
    cleaned = validation.clean(values)
    for error in cleaned.errors:
        raise NotPossible(Reason("bad-value", error.sentence), field=error.field)
    kept = cleaned.values
    fields = {
        name: value for name, value in kept.items() if value or (allow_empty and name not in _NEVER_EMPTY)
    }
    if not fields.get("display_name") and ("display_name" in kept or not allow_empty):
        fields["display_name"] = validation.compose_display_name(fields["given_name"], fields["surname"])
    return fields


def _create(fields: dict[str, str], *, active: bool, actor: Person | None) -> Person:
    _check_new(fields)
    manager = _manager(fields.pop("manager", ""), None)

    person = Person(manager=manager, entered_by=actor, **fields)
    if active:
        person.activate()
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError:  # somebody else was entered since we looked: now it is seen who
        _check_new(fields)
        raise
    audit.record(audit.Event.PERSON_CREATED, actor=actor, subject=person, state=person.state)
    return person


def _check_new(fields: Mapping[str, str]) -> None:
    """Refuse what belongs to somebody who is there already."""
    known = Person.objects.filter(personnel_number=fields["personnel_number"]).exists()
    refuse(NUMBER_TAKEN if known else None, field="personnel_number")
    _check_free({name: fields[name] for name in uniqueness.identity_fields() if name in fields}, "")


def _write(person: Person, changed: Mapping[str, str], manager: Person | None) -> list[str]:
    """Set and save what is different; returns the names of the fields."""
    written = sorted(changed)
    if manager != person.manager:
        person.manager = manager
        written.append("manager")
    for name, value in changed.items():
        setattr(person, name, value)
    if written:
        person.save()
    return written


def _manager(number: str, person: Person | None) -> Person | None:
    if not number:
        return None
    refuse(OWN_MANAGER if person and person.personnel_number == number else None, field="manager")
    found = Person.objects.filter(personnel_number=number).first()
    refuse(NO_MANAGER if found is None else None, field="manager")
    return found


def _check_free(fields: Mapping[str, str], own_number: str) -> None:
    """Refuse what belongs to somebody else; how the own is written may change."""
    for name, value in fields.items():
        others = set(uniqueness.owners(name, [value]).values()) - {own_number} if value else set()
        refuse(TAKEN if others else None, field=name)
