"""Dry run of a batch order: examines each chosen entry, in chunks, by one worker; does nothing else.

The worker holds the order's lease, and each transaction renews it first; if it is lost, nothing is written.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import queue, task_names
from identity_manager.models import BatchLine, BatchOrder, ChosenAs, LineOutcome, Person
from identity_manager.models.lease import BRIEF_LEASE
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.batch import askers, chunk_size, entries, kinds
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch.kinds.kind import GivenOrder, OrderKind, found
from identity_manager.workflow.batch.line_outcomes import one_reason
from identity_manager.workflow.batch.shards import FAULT, FAULTS_BEFORE_SKIPPING

NOT_YOURS_OR_UNKNOWN = Reason("number-unknown", _("Nobody whom you administer has this personnel number."))
NOT_THERE = Reason("not-there", _("It is gone, or none of your roles reaches it."))
NAMED_TWICE = Reason("named-twice", _("This person stands further up already."))


@dataclass
class DryRun:
    """The dry run of a claimed order."""

    order: BatchOrder
    claim: uuid.UUID
    pace: chunk_size.ChunkSize
    chunk: Sequence[str] = ()  # entries being examined

    def work(self, *, until: float) -> None:
        """Examine chunks until all are done, the order is stopped, or the time is over."""
        while self._look_at_some():
            if time.monotonic() > until:
                self._hand_on()
                return

    def _look_at_some(self) -> bool:
        """Examine one chunk; False at the end, or where the lease is lost."""
        place = self.order.looked_at
        self.chunk = chosen = entries.some(self.order, first=place, most=self.pace.size)
        lines = list(_Chunk.of(self.order).lines(chosen))
        self.pace.rest()
        began = time.monotonic()
        with transaction.atomic():
            if not self._renew(looked_at=place + len(chosen)):
                return False
            BatchLine.objects.bulk_create(lines)
            self.order.looked_at = place + len(chosen)
            if self.order.looked_at == self.order.total:
                self._conclude()
        self.pace.wrote(began)
        self.chunk = ()
        return self.order.looked_at < self.order.total

    def put_off(self, error: Exception) -> None:
        """Schedule a retry; a single entry that causes repeated faults is refused."""
        with transaction.atomic():
            order = locking.batch_order(self.order.pk)
            if not order.is_held_by(self.claim):
                return
            # A committed chunk has its lines: the next entry is another one.
            following = entries.some(order, first=order.looked_at, most=1)
            alone = len(self.chunk) == 1 and [*self.chunk] == [*following]
            if alone and order.attempts >= FAULTS_BEFORE_SKIPPING:
                self._refuse(order)
            else:
                order.settle_later(f"{type(error).__name__}: {error}"[:2000], now=timezone.now())
            order.save()

    def _refuse(self, order: BatchOrder) -> None:
        """Refuse the entry in the chunk and continue with the next."""
        (said,) = self.chunk
        line = BatchLine(order=order, position=_last_position(order) + 1, outcome=LineOutcome.REFUSED)
        line.reasons = one_reason(FAULT)
        if order.entries_are == ChosenAs.NUMBERS:
            line.personnel_number = said[:64]
        elif order.entries_are == ChosenAs.PERSONS:
            line.person = Person.objects.filter(pk__in=_keys(said)).first()
        line.save()
        order.looked_at += 1
        if order.looked_at == order.total:
            batch_orders.conclude_dry_run(order)
        else:
            order.settle_lease()
            order.work_is_due(timezone.now())

    def _renew(self, **values: int) -> bool:
        """First statement of each transaction: renew the lease if still held."""
        held = BatchOrder.objects.held(self.order.pk, self.claim)
        return bool(held.update(leased_until=timezone.now() + BRIEF_LEASE, last_error="", **values))

    def _conclude(self) -> None:
        order = locking.batch_order(self.order.pk)
        batch_orders.conclude_dry_run(order)
        order.save()

    def _hand_on(self) -> None:
        """End the lease and publish the next task."""
        with transaction.atomic():
            order = locking.batch_order(self.order.pk)
            if order.is_held_by(self.claim):
                order.settle_lease()
                order.work_is_due(timezone.now())
                order.save()
                queue.after_commit(task_names.RUN_BATCH_ORDER, order.pk)


def _keys(said: str) -> list[uuid.UUID]:
    """The key that an entry says; none where it is no UUID, which may be why its chunk failed."""
    try:
        return [uuid.UUID(said)]
    except ValueError:
        return []


@dataclass
class _Chunk:
    """Makes the lines of some entries. position: of the last line so far."""

    given: GivenOrder
    kind: OrderKind
    position: int

    @classmethod
    def of(cls, order: BatchOrder) -> "_Chunk":
        return cls(GivenOrder(askers.asker_of(order), order), kinds.kind_of(order), _last_position(order))

    @property
    def order(self) -> BatchOrder:
        return self.given.order

    def lines(self, chosen: Sequence[str]) -> Iterator[BatchLine]:
        """A line for each row of each entry, or one that says why there is none."""
        by_entry = self._reached(found(self.kind, self.order.entries_are, chosen))
        rows = {row.pk: row for each in by_entry.values() for row in each}
        verdicts = dict(zip(rows, self.kind.way.examine(self.given, list(rows.values())), strict=True))
        again = self._stand_already(rows)
        persons = self._persons([each for each in chosen if each not in by_entry])
        for said in chosen:
            for row in by_entry.get(said, ()):
                if row.pk not in again:
                    again.add(row.pk)
                    yield self._line(row, verdicts[row.pk])
                elif self._names_persons:
                    yield self._refused(said, NAMED_TWICE)
            if said not in by_entry:
                yield self._refused(said, *self._why_none(persons.pop(said, None)))

    @property
    def _names_persons(self) -> bool:
        return self.order.entries_are in (ChosenAs.PERSONS, ChosenAs.NUMBERS)

    def _reached(self, by_entry: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Rows of whom the asker holds the role for; of others not even that they are there."""
        unit_of = {
            row.pk: self.kind.subject.holder(row).organisational_unit
            for rows in by_entry.values()
            for row in rows
        }
        reached = {
            said: [row for row in rows if self.kind.reaches(self.given.actor, unit_of[row.pk])]
            for said, rows in by_entry.items()
        }
        return {said: rows for said, rows in reached.items() if rows}

    def _persons(self, entries: Sequence[str]) -> dict[str, Person]:
        """The persons without a row that is meant, whom the asker reaches and who have no line yet."""
        if not self._names_persons or not entries:
            return {}
        name = "pk" if self.order.entries_are == ChosenAs.PERSONS else "personnel_number"
        named = Person.objects.filter(**{f"{name}__in": entries})
        lines = BatchLine.objects.filter(order=self.order, person__in=named)
        taken = set(lines.values_list("person_id", flat=True))
        return {
            str(getattr(person, name)): person
            for person in named
            if person.pk not in taken and self.kind.reaches(self.given.actor, person.organisational_unit)
        }

    def _why_none(self, person: Person | None) -> tuple[Reason, Person | None]:
        if person is not None and self.kind.nothing is not None:
            return self.kind.nothing, person
        return (NOT_YOURS_OR_UNKNOWN if self.order.entries_are == ChosenAs.NUMBERS else NOT_THERE), None

    def _stand_already(self, rows: dict[uuid.UUID, Any]) -> set[uuid.UUID]:
        """Rows that have a line of the order already."""
        name = self.kind.subject.value
        lines = BatchLine.objects.filter(order=self.order, **{f"{name}__in": list(rows)})
        return set(lines.values_list(f"{name}_id", flat=True))

    def _line(self, row: Any, verdict: Any) -> BatchLine:
        line = self._next(LineOutcome.READY if verdict.is_ready else LineOutcome.REFUSED)
        setattr(line, self.kind.subject.value, row)
        line.types, line.reasons = verdict.types, verdict.reasons
        line.seen = self.kind.way.seen(row)
        return line

    def _refused(self, said: str, reason: Reason, person: Person | None = None) -> BatchLine:
        line = self._next(LineOutcome.REFUSED)
        line.reasons, line.person = one_reason(reason), person
        if person is None and self.order.entries_are == ChosenAs.NUMBERS:
            line.personnel_number = said[:64]
        return line

    def _next(self, outcome: LineOutcome) -> BatchLine:
        self.position += 1
        return BatchLine(order=self.order, position=self.position, outcome=outcome)


def _last_position(order: BatchOrder) -> int:
    return BatchLine.objects.filter(order=order).aggregate(last=Max("position"))["last"] or 0
