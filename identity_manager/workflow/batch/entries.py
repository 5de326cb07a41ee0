"""The chosen entries of a batch order, in blocks: stored as they come, and read one block at a time."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from identity_manager.models import BatchBlock, BatchOrder

PER_BLOCK = 1000


def store(order: BatchOrder, chosen: Iterable[str]) -> int:
    """Store the entries; returns how many. At most one block is in memory."""
    number = 0
    for block in _blocks(chosen):
        BatchBlock.objects.create(order=order, first=number, entries=block)
        number += len(block)
    return number


def some(order: BatchOrder, *, first: int, most: int) -> Sequence[str]:
    """Up to `most` entries from this place on, of one block; empty at the end.

    An order of the release before has all of them in one column.
    """
    if order.chosen:
        old: list[str] = order.chosen[first : first + most]
        return old
    block = BatchBlock.objects.filter(order=order, first__lte=first).order_by("-first").first()
    if block is None:
        return []
    entries: list[str] = block.entries[first - block.first : first - block.first + most]
    return entries


def forget(order_id: uuid.UUID) -> None:
    """Delete the entries, once each of them has its lines or the order has ended."""
    BatchBlock.objects.filter(order=order_id).delete()


def _blocks(chosen: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(chosen)
    while block := list(islice(rest, PER_BLOCK)):
        yield block
