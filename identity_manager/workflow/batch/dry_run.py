"""Dry run of a batch order: checks the eligibility of each person, in chunks, by one worker; enables nobody.

The worker holds the order's lease, and each transaction renews it first; if it is lost, nothing is written.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import queue, task_names
from identity_manager.models import BatchLine, BatchOrder, BatchSource, LineOutcome, Person
from identity_manager.models.lease import LEASE
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.batch import bulk_enable, chunk_size
from identity_manager.workflow.batch.shards import FAULT, FAULTS_BEFORE_SKIPPING
from identity_manager.workflow.policy import eligibility

NOT_YOURS_OR_UNKNOWN = Reason("number-unknown", _("Nobody whom you administer has this personnel number."))
NAMED_TWICE = Reason("named-twice", _("This person stands further up already."))


@dataclass
class DryRun:
    """The dry run of a claimed order."""

    order: BatchOrder
    claim: uuid.UUID
    pace: chunk_size.ChunkSize
    chunk: Sequence[str] = ()  # persons being checked

    def work(self, *, until: float) -> None:
        """Check chunks until all are done, the order is stopped, or the time is over."""
        while self._look_at_some():
            if time.monotonic() > until:
                self._hand_on()
                return

    def _look_at_some(self) -> bool:
        """Check one chunk; False at the end, or where the lease is lost."""
        place = self.order.looked_at
        self.chunk = chosen = self.order.chosen[place : place + self.pace.size]
        lines = _looked_at(self.order, chosen, first=place + 1)
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
        """Schedule a retry; a single person who causes repeated faults is refused."""
        with transaction.atomic():
            order = locking.batch_order(self.order.pk)
            if not order.is_held_by(self.claim):
                return
            # A committed chunk has its lines: the next person is another one.
            following = order.chosen[order.looked_at : order.looked_at + 1]
            alone = len(self.chunk) == 1 and [*self.chunk] == following
            if alone and order.attempts >= FAULTS_BEFORE_SKIPPING:
                self._refuse(order)
            else:
                order.settle_later(f"{type(error).__name__}: {error}"[:2000], now=timezone.now())
            order.save()

    def _refuse(self, order: BatchOrder) -> None:
        """Refuse the person in the chunk and continue with the next."""
        place, (said,) = order.looked_at + 1, self.chunk
        line = BatchLine(order=order, position=place, outcome=LineOutcome.REFUSED)
        line.reasons = bulk_enable.one_reason(FAULT)
        if order.source == BatchSource.FILE:
            line.personnel_number = said[:64]
        else:
            line.person = Person.objects.filter(pk=said).first()
        line.save()
        order.looked_at = place
        if place == order.total:
            order.conclude_dry_run()
        else:
            order.settle_lease()
            order.work_is_due(timezone.now())

    def _renew(self, **values: int) -> bool:
        """First statement of each transaction: renew the lease if still held."""
        held = BatchOrder.objects.held(self.order.pk, self.claim)
        return bool(held.update(leased_until=timezone.now() + LEASE, last_error="", **values))

    def _conclude(self) -> None:
        order = locking.batch_order(self.order.pk)
        order.conclude_dry_run()
        order.save()

    def _hand_on(self) -> None:
        """End the lease and publish the next task."""
        with transaction.atomic():
            order = locking.batch_order(self.order.pk)
            if order.is_held_by(self.claim):
                order.settle_lease()
                order.work_is_due(timezone.now())
                order.save()
                queue.after_commit(task_names.RUN, order.pk)


def _looked_at(order: BatchOrder, chosen: Sequence[str], *, first: int) -> list[BatchLine]:
    """A line for each chosen person: types they would get, or reasons."""
    persons = _persons(order, chosen)
    known = list({person.pk: person for person in persons if person is not None}.values())
    verdicts = dict(zip([each.pk for each in known], bulk_enable.check_lines(order, known), strict=True))
    again = _stands_already(order, known)
    lines = []
    for place, (said, person) in enumerate(zip(chosen, persons, strict=True), first):
        line = BatchLine(order=order, position=place, outcome=LineOutcome.REFUSED)
        if person is None or person.pk in again:
            line.personnel_number = said[:64] if order.source == BatchSource.FILE else ""
            reason = NOT_YOURS_OR_UNKNOWN if person is None else NAMED_TWICE
            line.reasons = bulk_enable.one_reason(reason)
        else:
            again.add(person.pk)
            verdict, line.reasons = verdicts[person.pk]
            line.person = person
            line.types = [token_type.code for token_type in verdict.types]
            line.outcome = LineOutcome.READY if line.types else LineOutcome.REFUSED
        lines.append(line)
    return lines


def _persons(order: BatchOrder, chosen: Sequence[str]) -> list[Person | None]:
    """The person for each chosen entry; None for unknown ones and those outside the asker's unit."""
    if order.source == BatchSource.SELECTION:
        by_id = {str(person.pk): person for person in Person.objects.filter(pk__in=chosen)}
        return [by_id.get(each) for each in chosen]
    asker = bulk_enable.asker_of(order)
    found = Person.objects.filter(personnel_number__in=chosen)
    by_number = {row.personnel_number: row for row in found if eligibility.administers(asker, row)}
    return [by_number.get(each) for each in chosen]


def _stands_already(order: BatchOrder, persons: Sequence[Person]) -> set[uuid.UUID | None]:
    """Persons who have a line of the order already."""
    lines = BatchLine.objects.filter(order=order, person__in=persons)
    return set(lines.values_list("person_id", flat=True))
