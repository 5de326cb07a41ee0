"""Resumable scan over a table: the last key is cached, so rows that keep failing cannot starve later ones.

A run is limited to SECONDS and works in chunks; the next run, on any host, continues after the cached key.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.core.cache import cache
from django.db.models import QuerySet

from identity_manager.transactions import retry_later

AT_ONCE = 200
SECONDS = 60  # time limit of a run


def of_rows(name: str, rows: QuerySet[Any], verb: Callable[[uuid.UUID], object]) -> int:
    """Call the verb for the rows, in key order; return for how many it did something.

    Failures are logged as by retry_later.for_each_isolated. A chunk with a failure is the last one of this
    run, which raises the error. The next run starts after that chunk and comes back to it later.
    """
    done = 0
    for ids in _for_a_while(name, rows.order_by("pk").values_list("pk", flat=True)):
        done += retry_later.for_each_isolated(ids, verb)
    return done


def of_portions(name: str, rows: QuerySet[Any], verb: Callable[[list[uuid.UUID]], int]) -> int:
    """As of_rows, for a verb that takes the keys of a whole chunk."""
    return sum(map(verb, _for_a_while(name, rows.order_by("pk").values_list("pk", flat=True))))


def _for_a_while(name: str, keys: QuerySet[Any, uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    """Yield chunks of keys from the cached position to the end, until the time limit.

    Losing the cache entry only restarts the scan from the beginning.
    """
    until = time.monotonic() + SECONDS
    place = cache.get(_kept(name))
    while time.monotonic() < until:
        ids = list((keys.filter(pk__gt=place) if place else keys)[:AT_ONCE])
        place = ids[-1] if len(ids) == AT_ONCE else None
        cache.set(_kept(name), place, timeout=None)
        yield ids
        if place is None:
            return


def _kept(name: str) -> str:
    return f"portions:{name}"


def of_any(portion: Callable[[], int]) -> int:
    """Repeat the verb until it finds nothing or the time limit is over; return the sum of its counts."""
    until = time.monotonic() + SECONDS
    done = some = portion()
    while some and time.monotonic() < until:
        some = portion()
        done += some
    return done
