"""Plan of a directory run: per entry create, change, leave, return, lock, or refuse with a reason.

In chunks with a constant number of queries each, so that memory stays flat. Changes no rows.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.utils.translation import gettext as _

from identity_manager.directory.configuration import LOCK, SourceConfiguration
from identity_manager.directory.contract import DirectoryPerson
from identity_manager.models import (
    OFFICER_ROLES,
    ConsentState,
    DirectoryLink,
    DirectoryOutcome,
    DirectoryRun,
    DirectoryRunLine,
    EntryState,
    IdentityChange,
    Person,
    PersonState,
)
from identity_manager.models.people.upn_key import upn_key
from identity_manager.people import registration_policy, validation
from identity_manager.people.imports import plan as import_plan
from identity_manager.people.imports import uniqueness
from identity_manager.people.officers import roles
from identity_manager.people.validation import FieldError

LEAVING = (DirectoryOutcome.LEAVE, DirectoryOutcome.LOCK)


@dataclass(frozen=True)
class StoredEntries:
    """Stored rows for the entries of a chunk: links, persons by number, managers by key.

    disagreed: persons whose newest identity from this kind of source no second officer has confirmed.
    """

    links: dict[str, DirectoryLink]
    persons: dict[str, Person]
    managers: dict[str, Person]
    disagreed: frozenset[uuid.UUID]


@dataclass(frozen=True)
class Planning:
    """A run, its configuration, and when: the moment that decides whether an account has expired."""

    run: DirectoryRun
    configuration: SourceConfiguration
    now: datetime

    def known(self, entries: Sequence[DirectoryPerson]) -> StoredEntries:
        """Stored links, persons and managers for these entries."""
        mine = DirectoryLink.objects.filter(source=self.run.source_id).select_related("person__manager")
        mine = mine.prefetch_related("person__roles")
        links = {
            row.external_id: row for row in mine.filter(external_id__in=[e.external_id for e in entries])
        }
        numbers = {
            e.values.get("personnel_number", "").strip() for e in entries if e.external_id not in links
        }
        persons = Person.objects.filter(personnel_number__in=numbers - {""})
        persons = persons.select_related("manager", "directory_link__source").prefetch_related("roles")
        keys = {e.manager for e in entries if e.manager}
        by_key = mine.filter(key__in=keys) if keys else mine.none()
        return StoredEntries(
            links,
            {row.personnel_number: row for row in persons},
            {row.key: row.person for row in by_key},
            self._disagreed([link.person_id for link in links.values()]),
        )

    def _disagreed(self, person_ids: Sequence[uuid.UUID]) -> frozenset[uuid.UUID]:
        changes = IdentityChange.objects.filter(person__in=person_ids, source=self.configuration.kind)
        states = dict(changes.order_by("asked_at", "pk").values_list("person", "state"))
        return frozenset(person for person, state in states.items() if state != ConsentState.CONFIRMED)

    def lines(self, entries: Sequence[DirectoryPerson]) -> list[DirectoryRunLine]:
        """Planned lines for these entries, without those of whom nothing is different."""
        entries = [self._as_of_now(entry) for entry in entries]
        known = self.known(entries)
        new = [entry for entry in entries if not self._is_unchanged(entry, known)]
        plans = [self.plan(entry, known) for entry in new if not self._is_nobody(entry, known)]
        _refuse_duplicates(plans)
        return [each.line() for each in plans]

    def _as_of_now(self, entry: DirectoryPerson) -> DirectoryPerson:
        over = entry.expires_at is not None and entry.expires_at <= self.now
        return (
            replace(entry, state=EntryState.EXPIRED) if over and entry.state == EntryState.ACTIVE else entry
        )

    def _is_unchanged(self, entry: DirectoryPerson, known: StoredEntries) -> bool:
        link = known.links.get(entry.external_id)
        return link is not None and not entry.problem and link.fingerprint == fingerprint(entry)

    def _is_nobody(self, entry: DirectoryPerson, known: StoredEntries) -> bool:
        """Whether the entry is no person: an unused or service account, without personnel number."""
        is_used = entry.state == EntryState.ACTIVE and entry.values.get("personnel_number", "").strip()
        return entry.external_id not in known.links and not is_used and not entry.problem

    def plan(self, entry: DirectoryPerson, known: StoredEntries) -> "PlannedEntry":
        """Match the entry with a person (link of external id, else personnel number); plan what changes."""
        link = known.links.get(entry.external_id)
        planned = PlannedEntry(self, entry, link, is_agreed=not link or link.person_id not in known.disagreed)
        cleaned = validation.clean(entry.values)
        number = cleaned.values.get("personnel_number", "")
        planned.person = link.person if link else known.persons.get(number)
        planned.errors = [FieldError("", entry.problem)] if entry.problem else list(cleaned.errors)
        if not planned.errors:
            planned.check_person(number)
        if not planned.errors:
            planned.compare(cleaned.values, known.managers)
        return planned


@dataclass
class PlannedEntry:
    """One entry and what becomes of it. is_agreed: no identity from this source waits or was refused last."""

    planning: Planning
    entry: DirectoryPerson
    link: DirectoryLink | None
    is_agreed: bool = True
    person: Person | None = None
    changes: dict[str, str] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)
    manager: Person | None = None
    action: DirectoryOutcome | None = None
    errors: list[FieldError] = field(default_factory=list)

    def refuse(self, name: str, sentence: str) -> None:
        self.errors.append(FieldError(name, sentence))

    def check_person(self, number: str) -> None:
        """Refuse an entry that would take a person from another entry, or an account from its person."""
        person = self.person
        if person is None:
            return
        if person.is_api_client:
            self.refuse("personnel_number", str(registration_policy.API_CLIENT))
            return
        other = getattr(person, "directory_link", None) if self.link is None else None
        if self.link is not None and person.personnel_number != number:
            words = {"old": person.personnel_number, "new": number}
            self.refuse(
                "personnel_number",
                _("The account belonged to %(old)s and now says %(new)s: it does not change its person.")
                % words,
            )
        elif other is not None:
            self.refuse("personnel_number", _already_linked(other, self.planning.run))
        elif person.state == PersonState.LOCKED and self.entry.state == EntryState.ACTIVE:
            self.refuse("state", _("This person is Locked for good and does not change any more."))

    def compare(self, values: dict[str, str], managers: dict[str, Person]) -> None:
        """Note what is different: fields, identity, manager, state."""
        person = self.person
        if person is not None and person.state == PersonState.LOCKED:
            return
        changes = import_plan.changes_of(person, values)
        for name in uniqueness.identity_fields():
            if name in changes and self._waits(name, changes[name]):
                self.waits[name] = changes.pop(name)
        self.changes = changes
        if "manager" in self.planning.configuration.fields and person is not None:
            self._compare_manager(person, managers)
        self.action = self._action()
        if person is None or self.action not in LEAVING:
            return
        if (reason := roles.last_system_administrator(person)) is not None:
            self.refuse("state", str(reason))

    def _compare_manager(self, person: Person, managers: dict[str, Person]) -> None:
        wanted = managers.get(self.entry.manager)
        if self.entry.manager and wanted is None:
            return  # comes with this run, or is none of the persons that we know
        if wanted != person.manager and wanted != person:
            self.changes["manager"] = wanted.personnel_number if wanted else ""
            self.manager = wanted

    def _waits(self, name: str, value: str) -> bool:
        """Whether a second officer has to confirm: what is not believed, and of officers all."""
        person, configuration = self.person, self.planning.configuration
        if not configuration.trusts(name, value):
            return True
        if person is None:
            return False
        own = self.link is not None and person.source == configuration.kind and self.is_agreed
        return not own or any(held.role in OFFICER_ROLES for held in person.roles.all())

    def _action(self) -> DirectoryOutcome | None:
        """Outcome for the person by the state that the source tells, or None."""
        state, configuration = EntryState(self.entry.state), self.planning.configuration
        return action_of(self.person, self.link, state=state, configuration=configuration)

    @property
    def outcome(self) -> DirectoryOutcome:
        if self.errors:
            return DirectoryOutcome.REFUSED
        if self.action is not None:
            return self.action
        if self.person is None:
            return DirectoryOutcome.CREATE
        if self.changes:
            return DirectoryOutcome.UPDATE
        return DirectoryOutcome.WAITS if self.waits else DirectoryOutcome.LINK

    def line(self) -> DirectoryRunLine:
        """The row that is staged."""
        entry = self.entry
        return DirectoryRunLine(
            run=self.planning.run,
            person=self.person,
            external_id=entry.external_id,
            key=entry.key,
            manager_key=entry.manager,
            values=dict(entry.values),
            changes={"fields": self.changes, "waits": self.waits, "problem": entry.problem},
            state=entry.state,
            expires_at=entry.expires_at,
            fingerprint="" if self.errors else fingerprint(entry),
            outcome=self.outcome,
            problem=" ".join(_sentence(error) for error in self.errors),
            **self._keys(),
        )

    def _keys(self) -> dict[str, str]:
        """Identifiers that no other entry of the run may have."""
        given = {} if self.errors else self.changes
        return {
            "number": self.entry.values.get("personnel_number", "").strip()[:64],
            "email_key": given.get("email", "").lower(),
            "upn_key": upn_key(given["upn"]) if given.get("upn") else "",
            "sid_key": given.get("sid", "").lower(),
        }


def action_of(
    person: Person | None,
    link: DirectoryLink | None,
    *,
    state: EntryState,
    configuration: SourceConfiguration,
) -> DirectoryOutcome | None:
    """Outcome for a known person by the source's state: LEAVE, LOCK, RETURN, or None.

    Only a leave that the source began is ended by it: whom an officer has put on leave stays on leave.
    """
    if person is None or person.state == PersonState.LOCKED:
        return None
    if state == EntryState.ACTIVE:
        leave = link.leave if link is not None and person.state == PersonState.INACTIVE else None
        ours = leave is not None and leave.ended_at is None
        return DirectoryOutcome.RETURN if ours or person.state == PersonState.REGISTERED else None
    if configuration.effect_of(state) == LOCK:
        return DirectoryOutcome.LOCK
    return None if person.state == PersonState.INACTIVE else DirectoryOutcome.LEAVE


def fingerprint(entry: DirectoryPerson) -> str:
    """Hash of all that is taken over from an entry."""
    expires = entry.expires_at.isoformat() if entry.expires_at else ""
    facts = [sorted(entry.values.items()), entry.key, entry.state, entry.manager, expires]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _already_linked(other: DirectoryLink, run: DirectoryRun) -> str:
    words = {"number": other.person.personnel_number, "source": other.source.name}
    if other.source_id != run.source_id:
        return _("Person %(number)s comes from the source %(source)s.") % words
    if other.state == EntryState.ABSENT:
        return (
            _(
                "Person %(number)s had another account of this directory, which is gone. If this one was made"
                " for the same person, a Registration Officer ends the old link on the person's page."
            )
            % words
        )
    return _("Person %(number)s has another account of this directory, which is still there.") % words


def _sentence(error: FieldError) -> str:
    return f"{error.field}: {error.sentence}" if error.field else error.sentence


def _refuse_duplicates(plans: Sequence[PlannedEntry]) -> None:
    """Refuse values of other persons. Those of two new entries are found when all are staged."""
    for name in uniqueness.IN_CERTIFICATES:
        claims = [each for each in plans if not each.errors and each.changes.get(name)]
        taken = uniqueness.owners(name, [each.changes[name] for each in claims])
        for each in claims:
            own = each.person.personnel_number if each.person else ""
            owner = taken.get(uniqueness.compared(name, each.changes[name]), own)
            if owner != own:
                each.refuse(name, _("Belongs to person %(number)s already.") % {"number": owner})
