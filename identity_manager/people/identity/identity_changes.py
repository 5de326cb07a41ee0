"""Changes of e-mail, UPN and SID: asked for by hand or by a file, confirmed by a second officer.

As long as a change waits, nothing is delivered to the person and no passphrase is shown.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue
from identity_manager.mail import outbox
from identity_manager.mail.messages import person_messages
from identity_manager.models import (
    AuditEvent,
    IdentityChange,
    OutgoingMail,
    Person,
    PersonImport,
    PersonSource,
    PersonState,
)
from identity_manager.models.people.person import field_name
from identity_manager.people import registration_policy
from identity_manager.people.identity import identity_change_policy
from identity_manager.people.imports import uniqueness
from identity_manager.task_names import DETECT_PERSON_CHANGES
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import (
    NO_REASON,
    NotAllowed,
    NotPossible,
    Reason,
    Refused,
    Stale,
    refuse,
    require,
)

NOT_WAITING = Reason("change-not-waiting", _("This change does not wait for a decision any more."))
MOVED_ON = Reason(
    "identity-moved-on",
    _("The person's data are not any more what they were when this change was asked for. Ask anew."),
)
REPLACED = _("Replaced by a newer change.")


@dataclass(frozen=True)
class NotConfirmed:
    """A change among several that was not confirmed, and why."""

    change_id: uuid.UUID
    refused: Refused


def ask(
    person: Person,
    *,
    new: Mapping[str, str],
    source: PersonSource,
    actor: Person | None,
    person_import: PersonImport | None = None,
) -> IdentityChange:
    """Let a change of a locked person wait, in the caller's transaction; an older one is withdrawn.

    new: valid values of e-mail, UPN or SID that differ from the present ones. The same, asked again, is the
    same change. actor: None for a command. The present address is told. What was entered with a
    new person and still waits stays part of it.
    """
    waiting = identity_change_policy.waiting_for(person)
    is_entry = waiting is not None and waiting.is_entry
    wanted = {**waiting.new, **new} if waiting is not None and is_entry else dict(new)
    if waiting is not None and waiting.new == wanted:
        return waiting
    if waiting is not None:
        _withdraw(waiting, actor=actor, reason=str(REPLACED))

    change = _new(person, wanted, source=source, actor=actor, person_import=person_import)
    change.is_entry = is_entry
    change.save(force_insert=True)
    if not is_entry:
        outbox.enqueue(person_messages.identity_change_asked(change))
    audit.append([_asked(change)])
    return change


def enter(
    persons: Iterable[tuple[Person, Mapping[str, str]]],
    *,
    source: PersonSource,
    actor: Person | None,
    person_import: PersonImport | None = None,
) -> None:
    """Let the identities wait of persons who are new, in the caller's transaction; nobody is there to tell.

    The persons have none of these values yet, so nothing can use them before a second officer agrees.
    """
    changes = [
        _new(person, new, source=source, actor=actor, person_import=person_import)
        for person, new in persons
        if new
    ]
    for change in changes:
        change.is_entry = True
    IdentityChange.objects.bulk_create(changes)
    audit.append([_asked(change) for change in changes])


def _new(
    person: Person,
    new: Mapping[str, str],
    *,
    source: PersonSource,
    actor: Person | None,
    person_import: PersonImport | None,
) -> IdentityChange:
    return IdentityChange(
        person=person,
        old={name: getattr(person, name) for name in new},
        new=dict(new),
        source=source.value,
        asked_by=actor,
        person_import=person_import,
    )


def _asked(change: IdentityChange) -> AuditEvent:
    return audit.event_about(
        audit.Event.IDENTITY_CHANGE_ASKED,
        actor=change.asked_by,
        subject=change.person,
        change=str(change.pk),
        fields=sorted(change.new),
        source=change.source,
    )


def confirm(*, actor: Person, change_id: uuid.UUID) -> IdentityChange:
    """Confirm as a second officer: the person is changed, and the former address notified.

    Raises NotAllowed, Stale, or NotPossible (the value belongs to somebody else meanwhile).
    """
    with transaction.atomic():
        change = _fetch(actor, change_id)
        person = change.person
        refuse(overtaken(change), kind=Stale)
        _check_free(change)

        for name, value in change.new.items():
            setattr(person, name, value)
        person.compare_upn()
        try:
            with transaction.atomic():
                person.save()
        except IntegrityError:  # somebody else got the value since we looked: now it is seen whose it is
            _check_free(change)
            raise
        change.confirm(by=actor, now=timezone.now())
        change.save()
        if not change.is_entry:
            outbox.enqueue(person_messages.identity_change_done(change))
        outbox.release_waiting(OutgoingMail.objects.filter(person=person))
        _record(audit.Event.IDENTITY_CHANGE_CONFIRMED, change, actor=actor)
        queue.after_commit(DETECT_PERSON_CHANGES, person.pk)
        return change


def overtaken(change: IdentityChange) -> Reason | None:
    """Why the change of identity is outdated (its person was changed since, from elsewhere), or None."""
    moved = any(getattr(change.person, name) != value for name, value in change.old.items())
    return MOVED_ON if moved else None


def confirm_several(*, actor: Person, change_ids: Iterable[uuid.UUID]) -> list[NotConfirmed]:
    """Confirm each change by itself; returns those that could not be, with the reason. Raises nothing."""
    left = []
    for change_id in change_ids:
        try:
            confirm(actor=actor, change_id=change_id)
        except Refused as refused:
            left.append(NotConfirmed(change_id, refused))
    return left


def refuse_change(*, actor: Person, change_id: uuid.UUID, reason: str) -> IdentityChange:
    """A second officer does not agree, and says why. Raises NotAllowed, Stale or NotPossible."""
    with transaction.atomic():
        change = _fetch(actor, change_id)
        require(reason.strip(), else_=NO_REASON, field="reason")

        change.refuse(by=actor, reason=reason.strip(), now=timezone.now())
        change.save()
        _let_go_on(change)
        _record(audit.Event.IDENTITY_CHANGE_REFUSED, change, actor=actor)
        return change


def state_obstacle(change: IdentityChange) -> Reason | None:
    """Why the change of identity waits for no decision any more, or None."""
    return None if change.waits() else NOT_WAITING


def withdraw(*, actor: Person, change_id: uuid.UUID) -> IdentityChange:
    """A Registration Officer takes a change back. Raises NotAllowed or Stale."""
    with transaction.atomic():
        change = locking.identity_change(change_id)
        refuse(identity_change_policy.OWN_CHANGE if actor.pk == change.person_id else None, kind=NotAllowed)
        registers = registration_policy.registers(actor, change.person)
        require(registers, else_=registration_policy.NOT_REGISTRATION_OFFICER, kind=NotAllowed)
        refuse(state_obstacle(change), kind=Stale)

        _withdraw(change, actor=actor, reason="")
        return change


def tell_of_takeover(person: Person, before: Mapping[str, str]) -> None:
    """Notify the former address that a directory has changed e-mail, UPN or SID; withdraw waiting changes."""
    changed = {name: old for name, old in before.items() if old != getattr(person, name)}
    waiting = identity_change_policy.waiting_for(person)
    if waiting is not None and set(waiting.new) & set(changed):
        _withdraw(waiting, actor=None, reason=str(REPLACED))
    if before["email"]:
        new = {name: getattr(person, name) for name in changed}
        outbox.enqueue(
            person_messages.identity_taken_over(IdentityChange(person=person, old=changed, new=new))
        )


def withdraw_waiting(person: Person, *, actor: Person | None, reason: str) -> None:
    """Withdraw what waits for a locked person, in the caller's transaction."""
    change = identity_change_policy.waiting_for(person)
    if change is not None:
        change.person = person
        _withdraw(change, actor=actor, reason=reason)


def _fetch(actor: Person, change_id: uuid.UUID) -> IdentityChange:
    change = locking.identity_change(change_id)
    second_officer.require(actor, change, reasons=identity_change_policy.REASONS, not_waiting=NOT_WAITING)
    return change


def _check_free(change: IdentityChange) -> None:
    refuse(registration_policy.LOCKED if change.person.state == PersonState.LOCKED else None, kind=Stale)
    for name, value in change.new.items():
        owner = uniqueness.owners(name, [value]).get(uniqueness.compared(name, value)) if value else None
        if owner not in (None, change.person.personnel_number):
            words = {"field": field_name(name), "number": owner}
            sentence = _("%(field)s belongs to person %(number)s meanwhile.")
            raise NotPossible(Reason("taken-meanwhile", str(sentence) % words))


def _withdraw(change: IdentityChange, *, actor: Person | None, reason: str) -> None:
    change.withdraw(by=actor, reason=reason, now=timezone.now())
    change.save()
    _let_go_on(change)
    _record(audit.Event.IDENTITY_CHANGE_WITHDRAWN, change, actor=actor)


def _let_go_on(change: IdentityChange) -> None:
    """The address is told that nothing changes, and what waited goes out."""
    if not change.is_entry:
        outbox.enqueue(person_messages.identity_change_dropped(change))
    outbox.release_waiting(OutgoingMail.objects.filter(person=change.person))


def _record(event: audit.Event, change: IdentityChange, *, actor: Person | None) -> None:
    audit.record(
        event,
        actor=actor,
        subject=change.person,
        change=str(change.pk),
        fields=sorted(change.new),
        reason=change.reason,
    )
