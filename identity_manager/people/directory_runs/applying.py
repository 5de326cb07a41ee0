"""Application of a complete run: the same changes as by hand, in chunks, one transaction each.

An interrupted run resumes with the remaining lines. A line that cannot be applied is refused with a reason
and does not stop the others.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django_fsm import ConcurrentTransition

from identity_manager import audit, queue, task_names
from identity_manager.models import (
    AuditEvent,
    DirectoryLink,
    DirectoryOutcome,
    DirectoryRun,
    DirectoryRunLine,
    Leave,
    Person,
    PersonImport,
    PersonSource,
    PersonState,
)
from identity_manager.people.directory_runs.planning import PlannedEntry, Planning
from identity_manager.people.directory_runs.staging import entry_of
from identity_manager.people.directory_runs.throttle import Throttle
from identity_manager.people.identity import identity_changes
from identity_manager.people.imports.applying import ChangesState
from identity_manager.people.imports.uniqueness import identity_fields
from identity_manager.people.officers import roles
from identity_manager.transactions import advisory_locks, locking
from identity_manager.transactions.refusals import Refused

CHUNK = 200
LINK_COLUMNS = ("key", "fingerprint", "expires_at", "state", "state_since")
STATES = {
    DirectoryOutcome.LEAVE: PersonState.INACTIVE,
    DirectoryOutcome.LOCK: PersonState.LOCKED,
    DirectoryOutcome.RETURN: PersonState.ACTIVE,
}


@dataclass(frozen=True)
class Applying:
    """A run that changes persons.

    on_chunk: renews the lease in the chunk's transaction, and raises if another worker has it.
    """

    planning: Planning
    change_state: ChangesState
    on_chunk: Callable[[], None]

    @property
    def run(self) -> DirectoryRun:
        return self.planning.run

    def lines(self, *, after: int = 0) -> QuerySet[DirectoryRunLine]:
        """Lines left to apply. after: the key of a line up to which none is left: not read again."""
        left = self.run.lines.filter(applied=False, pk__gt=after).exclude(outcome=DirectoryOutcome.REFUSED)
        return left.order_by("pk")

    def carry_out(self, *, until: float) -> bool:
        """Do what is left of the lines, then set the managers who came with this run.

        until: of time.monotonic(). False where there is something left then.
        """
        last, throttle = 0, Throttle()
        while (done := self._chunk(after=last)) is not None:
            last = done
            if time.monotonic() > until:
                return False
            throttle.rest()
        self._set_managers()
        return True

    def _chunk(self, *, after: int) -> int | None:
        """Do the next lines. Returns the key of the last one; None where there was none."""
        with transaction.atomic(), audit.caused_by(directory_run=str(self.run.pk)):
            advisory_locks.imports()
            self.on_chunk()
            rows = list(self.lines(after=after)[:CHUNK])
            self._create([row for row in rows if row.outcome == DirectoryOutcome.CREATE])
            known = [row for row in rows if row.outcome != DirectoryOutcome.CREATE]
            self._lock(known)
            for row in known:
                if row.outcome in STATES:
                    self._one(row, self._change_state)
            self._update_all([row for row in known if row.outcome != DirectoryOutcome.REFUSED])
            self._note(rows)
            return rows[-1].pk if rows else None

    def _note(self, rows: Sequence[DirectoryRunLine]) -> None:
        """Mark the lines as done: in three statements, however many there are."""
        lines = DirectoryRunLine.objects.filter(pk__in=[row.pk for row in rows])
        lines.update(applied=True)
        mine = DirectoryLink.objects.filter(source=self.run.source_id, external_id=OuterRef("external_id"))
        lines.filter(person=None).update(person=Subquery(mine.values("person")[:1]))
        refused = [row for row in rows if row.outcome == DirectoryOutcome.REFUSED]
        DirectoryRunLine.objects.bulk_update(refused, ["outcome", "problem"])

    def _lock(self, rows: Sequence[DirectoryRunLine]) -> None:
        """All persons of the chunk in the one order; with System Administrators, where one of them leaves."""
        wanted = {row.person_id for row in rows if row.person_id}
        holders = roles.system_administrators()
        leaving = {row.person_id for row in rows if row.outcome in STATES}
        locking.persons(wanted | holders if leaving & holders else wanted)

    def _one(self, row: DirectoryRunLine, act: Callable[[DirectoryRunLine], None]) -> None:
        """One line in a savepoint; what cannot be is the line's problem."""
        try:
            with transaction.atomic():
                act(row)
        except Refused as refused:
            _refuse(row, str(refused))
        except (ConcurrentTransition, IntegrityError):
            _refuse(row, _("The person was changed meanwhile, or a value belongs to somebody else."))

    # --- new persons

    def _create(self, rows: list[DirectoryRunLine]) -> None:
        """Create new persons together; after an IntegrityError one by one."""
        try:
            with transaction.atomic():
                self._create_all(rows)
        except IntegrityError:
            for row in rows:
                self._one(row, lambda each: self._create_all([each]))

    def _create_all(self, rows: Sequence[DirectoryRunLine]) -> None:
        plans = self._fresh(rows)
        made = {row.pk: self._person(plans[row.pk]) for row in rows if plans[row.pk].person is None}
        Person.objects.bulk_create(made.values(), batch_size=500)
        new = [row for row in rows if row.pk in made]
        DirectoryLink.objects.bulk_create(self._link(row, made[row.pk]) for row in new)
        self._let_identities_wait([(made[row.pk], plans[row.pk].waits) for row in new])
        audit.append(
            [
                audit.event_about(audit.Event.PERSON_CREATED, actor=None, subject=each, state=each.state)
                for each in made.values()
            ]
        )
        for row in rows:
            if row.pk not in made:
                _refuse(row, _("The person was entered meanwhile. The next run looks again."))

    def _fresh(self, rows: Sequence[DirectoryRunLine]) -> dict[int, PlannedEntry]:
        """The lines, planned again: persons may have changed since they were staged."""
        entries = [entry_of(row) for row in rows]
        known = self.planning.known(entries)
        return {row.pk: self.planning.plan(entry, known) for row, entry in zip(rows, entries, strict=True)}

    def _person(self, planned: PlannedEntry) -> Person:
        person = Person(source=PersonSource(self.planning.configuration.kind), **planned.changes)
        person.activate()
        person.search_text = person.compose_search_text()
        return person

    def _link(self, row: DirectoryRunLine, person: Person | None = None) -> DirectoryLink:
        return DirectoryLink(
            source_id=self.run.source_id,
            person=person or row.person,
            state=row.state,
            external_id=row.external_id,
            key=row.key,
            fingerprint=row.fingerprint,
            expires_at=row.expires_at,
            seen_in=self.run.pk,
        )

    def _let_identities_wait(self, entered: Sequence[tuple[Person, dict[str, str]]]) -> None:
        """On a page of their own, where a second officer confirms all at once: that of an import."""
        if any(waits for _person, waits in entered):
            identity_changes.enter(
                entered,
                source=PersonSource(self.planning.configuration.kind),
                actor=None,
                person_import=import_of(self.run),
            )

    # --- persons whom we know

    def _change_state(self, row: DirectoryRunLine) -> None:
        """By the verb of leave and return; the link remembers the leave, which alone this source may end."""
        assert row.person_id is not None  # noqa: S101 who leaves exists
        state = STATES[DirectoryOutcome(row.outcome)]
        self.change_state(person_id=row.person_id, state=state, actor=None)
        leave = None
        if state == PersonState.INACTIVE:
            leave = Leave.objects.filter(person=row.person_id, ended_at=None).first()
        mine = DirectoryLink.objects.filter(source=self.run.source_id, external_id=row.external_id)
        mine.update(leave=leave, state=row.state, state_since=timezone.now())

    def _update_all(self, rows: Sequence[DirectoryRunLine]) -> None:
        """Fields and identities of known persons, and what the links remember."""
        plans = self._fresh([row for row in rows if row.values])
        events: list[AuditEvent] = []
        for row in rows:
            if row.pk in plans:
                self._one(row, partial(self._update, planned=plans[row.pk], events=events))
        self._mark([row for row in rows if row.outcome != DirectoryOutcome.REFUSED])
        audit.append(events)

    def _update(self, row: DirectoryRunLine, *, planned: PlannedEntry, events: list[AuditEvent]) -> None:
        person = planned.person
        if planned.errors or person is None:
            gone = _("The person is no longer there.")
            _refuse(row, " ".join(error.sentence for error in planned.errors) or gone)
        elif person.state != PersonState.LOCKED:
            before = {name: getattr(person, name) for name in identity_fields()}
            fields = self._write(person, planned)
            if fields:
                event = audit.Event.PERSON_CHANGED
                events.append(audit.event_about(event, actor=None, subject=person, fields=fields))
                queue.after_commit(task_names.DETECT_PERSON_CHANGES, person.pk)
            if any(name in fields for name in identity_fields()):
                identity_changes.tell_of_takeover(person, before)
            if planned.waits:
                source = PersonSource(self.planning.configuration.kind)
                identity_changes.ask(person, new=planned.waits, source=source, actor=None)

    def _write(self, person: Person, planned: PlannedEntry) -> list[str]:
        source = PersonSource(self.planning.configuration.kind)
        if not planned.changes and person.source == source:
            return []
        person.source = source
        for name, value in planned.changes.items():
            if name == "manager":
                person.manager = planned.manager
            else:
                setattr(person, name, value)
        if "upn" in planned.changes:
            person.compare_upn()
        person.save()
        return sorted(planned.changes)

    def _mark(self, rows: Sequence[DirectoryRunLine]) -> None:
        """Store the entries' links: an entry is not looked at again until the source says something else."""
        links = DirectoryLink.objects.filter(source=self.run.source_id)
        known = {
            link.external_id: link for link in links.filter(external_id__in=[r.external_id for r in rows])
        }
        new = [self._link(row) for row in rows if row.external_id not in known]
        DirectoryLink.objects.bulk_create(new)
        for row in rows:
            if (link := known.get(row.external_id)) is not None:
                link.key, link.fingerprint, link.expires_at = row.key, row.fingerprint, row.expires_at
                if link.state != row.state:
                    link.state, link.state_since = row.state, timezone.now()
        DirectoryLink.objects.bulk_update(known.values(), LINK_COLUMNS)

    # --- managers

    def _set_managers(self) -> None:
        """New persons get managers who came after them in the same run."""
        if "manager" not in self.planning.configuration.fields:
            return
        lines = self.run.lines.filter(outcome=DirectoryOutcome.CREATE, applied=True).exclude(manager_key="")
        ids = list(lines.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(ids), CHUNK):
            with transaction.atomic():
                self.on_chunk()
                self._set_managers_of(DirectoryRunLine.objects.filter(pk__in=ids[start : start + CHUNK]))

    def _set_managers_of(self, lines: QuerySet[DirectoryRunLine]) -> None:
        """In one statement. Nobody is their own manager; whose is not known has none."""
        key = lines.filter(person=OuterRef(OuterRef("pk"))).values("manager_key")[:1]
        boss = DirectoryLink.objects.filter(source=self.run.source_id, key=Subquery(key))
        boss = boss.exclude(person=OuterRef("pk"))
        persons = Person.objects.filter(pk__in=lines.values("person"))
        persons.update(manager=Subquery(boss.values("person")[:1]))


def import_of(run: DirectoryRun) -> PersonImport:
    """The import whose page shows the new identities of a run: it has the run's id, and counts nothing."""
    row, is_new = PersonImport.objects.get_or_create(
        pk=run.pk, defaults={"file_name": str(run.source), "sha256": "", "asked_by": None}
    )
    if is_new:
        row.finish(counts={}, leaving=0, emails_changed=0, now=timezone.now())
        row.save()
    return row


def _refuse(row: DirectoryRunLine, problem: str) -> None:
    row.outcome, row.problem = DirectoryOutcome.REFUSED, problem
