"""Staging of a directory run: the stream is read completely and compared; no person changes.

Only a stream that ends with End is complete. Items of an incomplete one are dropped, and nobody counts as
absent.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, F, QuerySet
from django.utils.translation import gettext as _

from identity_manager.directory.contract import (
    DirectoryPerson,
    End,
    Gone,
    Group,
    Item,
    Members,
    Present,
    SourceError,
)
from identity_manager.models import (
    DirectoryLink,
    DirectoryOutcome,
    DirectoryRun,
    DirectoryRunLine,
    DirectoryRunMember,
    EntryState,
    RunMode,
    RunState,
)
from identity_manager.people.directory_runs.planning import Planning, action_of
from identity_manager.people.directory_runs.throttle import Throttle
from identity_manager.people.imports.uniqueness import in_chunks
from identity_manager.people.officers import roles

CHUNK = 500
REFUSED_TWICE = {
    "number": "personnel_number",
    "email_key": "email",
    "upn_key": "upn",
    "sid_key": "sid",
}


@dataclass
class Staging:
    """One run that reads. on_chunk: renews the lease, and raises if another worker has it."""

    planning: Planning
    on_chunk: Callable[[], None]
    end: End | None = None
    read: int = 0
    _entries: list[DirectoryPerson] = field(default_factory=list)
    _present: list[Present] = field(default_factory=list)
    _gone: list[Gone] = field(default_factory=list)
    _members: list[DirectoryRunMember] = field(default_factory=list)
    _last: DirectoryRun | None = None
    _refused: set[str] = field(default_factory=set)
    _still: set[str] = field(default_factory=set)
    _throttle: Throttle = field(default_factory=Throttle)

    def __post_init__(self) -> None:
        """Read the ids that the last run refused: a few, and this run may not read them again."""
        runs = DirectoryRun.objects.filter(source=self.run.source_id, state=RunState.DONE)
        self._last = runs.order_by("-started_at").first()
        if self._last is not None:
            lines = self._last.lines.filter(outcome=DirectoryOutcome.REFUSED).exclude(values={})
            self._refused = set(lines.values_list("external_id", flat=True))

    @property
    def run(self) -> DirectoryRun:
        return self.planning.run

    def stage(self, items: Iterable[Item]) -> End:
        """Stage the whole stream. Raises SourceError where it is incomplete."""
        for item in items:
            if self.end is not None:
                raise SourceError(_("The source went on after its end."))
            self._take(item)
        if self.end is None:
            raise SourceError(_("The source stopped before its end, without saying why."))
        self._flush(everything=True)
        return self.end

    def _take(self, item: Item) -> None:
        match item:
            case DirectoryPerson():
                self._entries.append(item)
            case Present():
                self._present.append(item)
            case Gone():
                self._gone.append(item)
            case Group():
                row = {"group_id": item.external_id, "group_key": item.key, "name": item.name[:256]}
                self._members.append(DirectoryRunMember(run=self.run, **row))
            case Members():
                rows = [
                    DirectoryRunMember(run=self.run, group_id=item.group_id, member_key=key)
                    for key in item.keys
                ]
                self._members.extend(rows)
            case End():
                self.end = item
        self._flush()

    def _flush(self, *, everything: bool = False) -> None:
        least = 1 if everything else CHUNK
        waiting = self._waiting()
        if len(self._entries) >= least:
            self._stage(self._entries)
            self._entries = []
        if len(self._present) >= least:
            self._see([each.external_id for each in self._present])
            self._rekey(self._present)
            self._still |= self._refused & {each.external_id for each in self._present}
            self.read += len(self._present)
            self._present = []
        if len(self._gone) >= least:
            gone = [each.external_id for each in self._gone]
            self._refused -= set(gone)
            self._lose(self._links(gone), EntryState.ABSENT)
            self._gone = []
        if len(self._members) >= least:
            DirectoryRunMember.objects.bulk_create(self._members)
            self._members = []
        if self._waiting() < waiting:
            self.on_chunk()
            self._throttle.rest()

    def _waiting(self) -> int:
        return len(self._entries) + len(self._present) + len(self._gone) + len(self._members)

    def _stage(self, entries: Sequence[DirectoryPerson]) -> None:
        fresh = {entry.external_id: entry for entry in entries}  # read twice: the later one counts
        lines = self.planning.lines(list(fresh.values()))
        self.run.lines.filter(external_id__in=fresh).delete()
        DirectoryRunLine.objects.bulk_create(lines)
        self._refused -= set(fresh)
        self._see(list(fresh))
        self.read += len(fresh)

    def _links(self, external_ids: Sequence[str]) -> QuerySet[DirectoryLink]:
        return DirectoryLink.objects.filter(source=self.run.source_id, external_id__in=external_ids)

    def _see(self, external_ids: Sequence[str]) -> None:
        self._links(external_ids).update(seen_in=self.run.pk)

    def _rekey(self, present: Sequence[Present]) -> None:
        """Update keys (distinguished names): renaming a folder changes no timestamp of entries below it."""
        keys = {each.external_id: each.key for each in present}
        moved = [link for link in self._links(list(keys)) if link.key != keys[link.external_id]]
        for link in moved:
            link.key = keys[link.external_id]
        DirectoryLink.objects.bulk_update(moved, ["key"])

    # --- who is absent, or over

    def stage_absent(self) -> None:
        """Stage absent persons, after a complete run with all ids."""
        mine = DirectoryLink.objects.filter(source=self.run.source_id)
        self._lose_all(mine.not_seen_in(self.run.pk), EntryState.ABSENT)

    def stage_expired(self, now: datetime) -> None:
        """Stage persons whose account has expired, which directories do not report as a change."""
        mine = DirectoryLink.objects.filter(source=self.run.source_id)
        self._lose_all(mine.run_out(now), EntryState.EXPIRED)

    def lock_overdue(self, now: datetime) -> None:
        """Stage persons to be Locked because they have been absent for longer than lock_after."""
        patience = self.planning.configuration.lock_after
        if not patience:
            return
        overdue = DirectoryLink.objects.filter(
            source=self.run.source_id, state=EntryState.ABSENT, state_since__lte=now - patience
        ).exclude(person__state="locked")
        self._lose_all(overdue, EntryState.LOCKED)

    def _lose_all(self, links: QuerySet[DirectoryLink], state: EntryState) -> None:
        found = list(links.order_by().values_list("pk", flat=True))
        for start in range(0, len(found), CHUNK):
            self._lose(DirectoryLink.objects.filter(pk__in=found[start : start + CHUNK]), state)
            self.on_chunk()

    def _lose(self, links: QuerySet[DirectoryLink], state: EntryState) -> None:
        rows = list(links.select_related("person", "leave").prefetch_related("person__roles"))
        known = set(
            self.run.lines.filter(external_id__in=[each.external_id for each in rows]).values_list(
                "external_id", flat=True
            )
        )
        lines = [self._lost(link, state) for link in rows if link.external_id not in known]
        DirectoryRunLine.objects.bulk_create(lines)

    def _lost(self, link: DirectoryLink, state: EntryState) -> DirectoryRunLine:
        configuration = self.planning.configuration
        action = action_of(link.person, link, state=state, configuration=configuration)
        last = roles.last_system_administrator(link.person) if action else None
        kept = EntryState.ABSENT if state == EntryState.LOCKED else state
        return DirectoryRunLine(
            run=self.run,
            person=link.person,
            number=link.person.personnel_number,
            external_id=link.external_id,
            key=link.key,
            state=kept,
            expires_at=link.expires_at,
            changes={"fields": {}, "waits": {}},
            outcome=DirectoryOutcome.REFUSED if last else action or DirectoryOutcome.LINK,
            problem=str(last or ""),
        )

    # --- what the whole run says

    def carry_over_refused(self, *, has_all_ids: bool) -> None:
        """Plan again what the last run refused and this one did not read, as the cursor is past it.

        has_all_ids: whoever was not read is not in the directory any more.
        """
        if self.run.mode in (RunMode.FULL, RunMode.DRY):
            return
        wanted = self._refused & self._still if has_all_ids else self._refused
        for some in in_chunks(sorted(wanted)):
            staged = self.run.lines.filter(external_id__in=some).values("external_id")
            lines = DirectoryRunLine.objects.filter(run=self._last, external_id__in=some)
            entries = [entry_of(line) for line in lines.exclude(external_id__in=staged)]
            DirectoryRunLine.objects.bulk_create(self.planning.lines(entries))

    def refuse_repeated(self) -> None:
        """Refuse entries of this run with one number, e-mail, UPN or SID, but the one that has it already.

        A number has the entry that is linked to its person; a known person without a link has none of them.
        """
        for column, name in REFUSED_TWICE.items():
            rows = self.run.lines.exclude(outcome=DirectoryOutcome.REFUSED).exclude(**{column: ""})
            twice = rows.order_by().values(column).annotate(n=Count("pk")).filter(n__gt=1)
            values = list(twice.values_list(column, flat=True))
            for some in in_chunks(values):
                self._refuse(rows.filter(**{f"{column}__in": some}), column, name)

    def _refuse(self, rows: QuerySet[DirectoryRunLine], column: str, name: str) -> None:
        lines = list(rows.order_by(F("person").asc(nulls_last=True), "pk"))
        linked = set(self._links([line.external_id for line in lines]).values_list("external_id", flat=True))
        numbers: dict[str, set[str]] = {}
        for line in lines:
            numbers.setdefault(getattr(line, column), set()).add(line.number)
        for line in lines:
            if column == "number" and line.external_id in linked:
                continue
            others = numbers[getattr(line, column)] - {line.number}
            words = {"field": name, "numbers": ", ".join(sorted(others)) or line.number}
            line.problem = _("%(field)s: Another entry of the directory says the same (%(numbers)s).") % words
            line.outcome, line.fingerprint = DirectoryOutcome.REFUSED, ""
        DirectoryRunLine.objects.bulk_update(lines, ["problem", "outcome", "fingerprint"])


def entry_of(line: DirectoryRunLine) -> DirectoryPerson:
    """The entry that a staged line was made of."""
    return DirectoryPerson(
        external_id=line.external_id,
        key=line.key,
        values=line.values,
        state=EntryState(line.state),
        manager=line.manager_key,
        expires_at=line.expires_at,
        problem=line.changes.get("problem", ""),
    )
