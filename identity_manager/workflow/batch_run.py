"""Carries batch orders out: some persons at a time, by one worker at a time, from wherever it stands.

The worker claims the order, and each transaction renews that claim first: where it is lost, because an
officer has paused the order or another worker has it, the transaction changes nothing. A worker that dies
leaves whole chunks behind it; the sweep has another one go on when the lease is over.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge import statements
from identity_manager import audit, queue
from identity_manager.models import (
    BatchLine,
    BatchOrder,
    BatchSource,
    BatchState,
    LineOutcome,
    Person,
)
from identity_manager.models.batch_order import LEASE
from identity_manager.workflow import batch_orders, bulk_enable, locking, policy
from identity_manager.workflow.errors import Reason
from identity_manager.workflow.unforeseen import put_off_by

WORK_SECONDS = 20  # then others of the queue have their turn
FAULTS_BEFORE_SKIPPING = 3

NOT_YOURS_OR_UNKNOWN = Reason("number-unknown", _("Nobody whom you administer has this personnel number."))
NAMED_TWICE = Reason("named-twice", _("This person stands further up already."))
FAULT = Reason(
    "batch-fault", _("A fault kept this person from being enabled. The log of the worker names it.")
)


@dataclass
class Pace:
    """How many persons at once: so many that a transaction takes TARGET, which nobody notices who waits.

    Where one writer keeps all others out (SQLite), those try again every 25 ms at the latest; so long, less
    what preparing took, the order rests between two transactions, or it would starve them.
    """

    TARGET = 0.05
    REST = 0.025
    LEAST = 10
    MOST = 100

    size: int = 20
    _released: float = field(default=0.0)

    def wrote(self, began: float) -> None:
        """A transaction that began then is over."""
        self._released = time.monotonic()
        took = max(self._released - began, 0.001)
        if self.size >= self.LEAST:
            # One that was quick by chance says little of the next: it grows slowly, and shrinks at once.
            fitting, grown = int(self.size * self.TARGET / took), self.size * 5 // 4
            self.size = max(self.LEAST, min(self.MOST, grown, fitting))

    def rest(self) -> None:
        """Before the next transaction."""
        if not connection.features.has_select_for_update:
            time.sleep(max(0.0, self._released + self.REST - time.monotonic()))


def run(*, order_id: uuid.UUID) -> bool:
    """Go on with the order for a while; False where somebody else has it or there is nothing to do.

    Whatever is raised stands on the order, which is tried again later.
    """
    with transaction.atomic():
        claim = BatchOrder.objects.claim(order_id, now=timezone.now())
    if claim is None:
        return False
    order = BatchOrder.objects.select_related("asked_by").prefetch_related("types").get(pk=order_id)
    worker = Worker(order, claim, Pace(size=1 if order.last_error else Pace.size))
    with put_off_by(worker.put_off):
        worker.work(until=time.monotonic() + WORK_SECONDS)
    return True


@dataclass
class Worker:
    """Who has the order. chunk is what is under way, offer what is kept from one chunk to the next."""

    order: BatchOrder
    claim: uuid.UUID
    pace: Pace
    chunk: Sequence[BatchLine] = ()
    offer: bulk_enable.Offer | None = None

    def work(self, *, until: float) -> None:
        """Chunk after chunk, until nothing is left, somebody stops the order, or the time is over."""
        step = self._look_at_some if self.order.state == BatchState.CHECKING else self._enable_some
        while step():
            if time.monotonic() > until:
                self._hand_on()
                return

    def put_off(self, error: Exception) -> None:
        """Try again later; a person who is the cause again and again, alone, is skipped."""
        with transaction.atomic():
            order = self._held()
            if order is None:
                return
            if len(self.chunk) == 1 and order.attempts >= FAULTS_BEFORE_SKIPPING:
                _skip(BatchLine.objects.get(pk=self.chunk[0].pk))
                order.settle_lease()
                order.work_is_due(timezone.now())
            else:
                order.settle_later(f"{type(error).__name__}: {error}"[:2000], now=timezone.now())
            order.save()

    def _look_at_some(self) -> bool:
        """The dry run of some more; False where that was all, or the order is not ours any more."""
        place = self.order.looked_at
        chosen = self.order.chosen[place : place + self.pace.size]
        lines = _looked_at(self.order, chosen, first=place + 1)
        self.pace.rest()
        began = time.monotonic()
        with transaction.atomic():
            if not self._renew(looked_at=place + len(chosen)):
                return False
            statements.insert(lines)
            self.order.looked_at = place + len(chosen)
            if self.order.looked_at == self.order.total:
                self._conclude_dry_run()
        self.pace.wrote(began)
        return self.order.looked_at < self.order.total

    def _enable_some(self) -> bool:
        """Enable some more; False where nobody is left, or the order is not ours any more."""
        self.chunk = ()  # whoever was enabled before is not the cause of what is raised from here on
        asker = bulk_enable.asker_of(self.order)
        if not batch_orders.gives_orders(asker):
            self._stop()
            return False
        self.offer = bulk_enable.offer_of_now(self.offer)
        ready = list(BatchLine.objects.ready(self.order.pk)[: self.pace.size + 1])
        self.chunk, more = ready[: self.pace.size], ready[self.pace.size :]
        work = bulk_enable.prepare(self.order, self.chunk, asker=asker, offer=self.offer)
        self.pace.rest()
        began = time.monotonic()
        with transaction.atomic():
            if not self._renew():
                return False
            bulk_enable.write(self.order, work)
            if not more:
                self._finish()
        self.pace.wrote(began)
        return bool(more)

    def _renew(self, **values: int) -> bool:
        """First in each transaction: the claim is still ours, and for a while longer."""
        held = BatchOrder.objects.held(self.order.pk, self.claim)
        return bool(held.update(leased_until=timezone.now() + LEASE, last_error="", **values))

    def _held(self) -> BatchOrder | None:
        """The order, locked and fresh, where the claim is still ours."""
        order = locking.batch_order(self.order.pk)
        return order if order.claim_id == self.claim and order.is_at_work else None

    def _conclude_dry_run(self) -> None:
        order = locking.batch_order(self.order.pk)
        order.conclude_dry_run()
        order.save()

    def _finish(self) -> None:
        order = locking.batch_order(self.order.pk)
        counts = batch_orders.counts_of(order)
        order.finish(counts=counts, now=timezone.now())
        order.save()
        audit.record(audit.Event.BATCH_FINISHED, actor=None, subject=None, batch=str(order.pk), counts=counts)

    def _stop(self) -> None:
        """Who asked may not enable anybody any more: an officer sees why, and decides."""
        with transaction.atomic():
            order = self._held()
            if order is not None:
                order.pause(because=batch_orders.ASKER_CANNOT.code)
                order.save()
                counts = batch_orders.counts_of(order)
                audit.record(
                    audit.Event.BATCH_PAUSED, actor=None, subject=None, batch=str(order.pk), counts=counts
                )

    def _hand_on(self) -> None:
        """Let go, and have somebody go on at once."""
        with transaction.atomic():
            order = self._held()
            if order is not None:
                order.settle_lease()
                order.work_is_due(timezone.now())
                order.save()
                queue.after_commit(batch_orders.RUN, order.pk)


def _skip(line: BatchLine) -> None:
    line.outcome, line.types = LineOutcome.SKIPPED, []
    line.reasons += bulk_enable.one_reason(FAULT)
    line.settled_at = timezone.now()
    line.save()


def _looked_at(order: BatchOrder, chosen: Sequence[str], *, first: int) -> list[BatchLine]:
    """A line for each of the chosen: what they would get, or why nothing."""
    persons = _persons(order, chosen)
    known = list({person.pk: person for person in persons if person is not None}.values())
    verdicts = dict(zip([each.pk for each in known], bulk_enable.look_at(order, known), strict=True))
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
    """The person of each, None where nobody is meant whom the asker may know of."""
    if order.source == BatchSource.SELECTION:
        by_id = {str(person.pk): person for person in Person.objects.filter(pk__in=chosen)}
        return [by_id.get(each) for each in chosen]
    asker = bulk_enable.asker_of(order)
    found = Person.objects.filter(personnel_number__in=chosen)
    by_number = {row.personnel_number: row for row in found if policy.administers(asker, row)}
    return [by_number.get(each) for each in chosen]


def _stands_already(order: BatchOrder, persons: Sequence[Person]) -> set[uuid.UUID | None]:
    """Those of the persons who have a line of the order."""
    lines = BatchLine.objects.filter(order=order, person__in=persons)
    return set(lines.values_list("person_id", flat=True))
