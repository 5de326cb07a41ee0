"""100,000 lines in one batch order: placed, looked through and carried out with flat memory.

One line in a hundred is done by its verb; the others have changed since the dry run, and are skipped with the
reason. So the engine works on each of them, and the test ends within minutes.
"""

import resource
import sys
import uuid
from collections.abc import Iterator

import pytest

from identity_manager import queue
from identity_manager.models import (
    BatchBlock,
    BatchKind,
    BatchLine,
    BatchOrder,
    BatchSource,
    Person,
    PersonSource,
)
from identity_manager.workflow.batch import breaker, entries, placing
from identity_manager.workflow.batch import orders as batch_orders
from tests.identity_manager.workflow.batch.orders import work
from tests.tools.cast import Company

LINES, WARM_UP, AT_ONCE = 100_000, 2_000, 1_000
MEGABYTE = 1024  # of ru_maxrss, which counts in KiB on Linux
GROWTH = 24 * MEGABYTE  # 100,000 ids alone would be more, as strings in a list or as rows of a model


def registered(number: int) -> None:
    """So many persons who do not work here yet, written some at a time."""
    for first in range(0, number, AT_ONCE):
        rows = [
            Person(
                personnel_number=f"M-{uuid.uuid4().hex[:12]}",
                given_name="Many",
                surname=f"One{place}",
                display_name=f"Many One{place}",
                source=PersonSource.CSV,
                search_text="many one",
            )
            for place in range(first, min(first + AT_ONCE, number))
        ]
        Person.objects.bulk_create(rows)


def carried_out(company: Company) -> BatchOrder:
    """One order over all who are registered. It activates one in a hundred: the others are there by then."""
    chosen: Iterator[uuid.UUID] = (
        Person.objects.filter(state="registered").values_list("pk", flat=True).iterator(chunk_size=AT_ONCE)
    )
    wanted = placing.BatchOrderInput(BatchSource.SEARCH, map(str, chosen), kind=BatchKind.ACTIVATE)
    order = placing.place_order(actor=company.rita, order_id=uuid.uuid4(), wanted=wanted)
    largest = max(len(block.entries) for block in BatchBlock.objects.filter(order=order).iterator())
    assert largest <= entries.PER_BLOCK
    while BatchOrder.objects.get(pk=order.pk).is_at_work:
        work(order)
    ready = BatchLine.objects.filter(order=order).exclude(position__in=range(1, LINES, 100))
    Person.objects.filter(pk__in=ready.values("person")).update(state="active")
    batch_orders.start(actor=company.rita, order_id=order.pk, note="a merger")
    while BatchOrder.objects.get(pk=order.pk).is_at_work:
        work(order)
    return BatchOrder.objects.get(pk=order.pk)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.nightly
@pytest.mark.timeout(3600)  # minutes, on a machine that has no other work
@pytest.mark.django_db(transaction=True)
def test_a_hundred_thousand_lines_take_no_more_memory_than_a_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    company = Company()
    monkeypatch.setattr(queue, "publish", lambda *_message: None)
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", LINES)
    registered(WARM_UP)
    assert carried_out(company).counts == {"done": WARM_UP // 100, "skipped": WARM_UP - WARM_UP // 100}
    before = peak()

    registered(LINES)
    order = carried_out(company)

    grown = peak() - before
    sys.stdout.write(f"grown by {grown // MEGABYTE} MB to {peak() // MEGABYTE} MB with {LINES} lines\n")
    assert order.counts == {"done": LINES // 100, "skipped": LINES - LINES // 100}
    assert grown < GROWTH
