"""Resumable scan over a table: the last key is cached, so rows that keep failing cannot starve later ones.

A run is limited to SECONDS and works in chunks; the next run, on any host, continues after the cached key.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.core.cache import cache
from django.db.models import Q, QuerySet

from identity_manager.transactions import retry_later

AT_ONCE = 200
SECONDS = 60  # time limit of a run
LONGEST_TRANSACTION = timedelta(hours=1)  # a row may be written so long before it is committed
FIRST_KEY = uuid.UUID(int=0)
MOST_UNFINISHED = 10 * AT_ONCE  # keys that are tried again; with more the scan begins anew
Place = tuple[datetime, uuid.UUID]  # when a row was written, and its key


@dataclass
class Position:
    """How far a run in the order of writing has come. Cached as a tuple, which other versions read as well.

    last: the last row; at_end: whether it was the end of the table. dealt_with: digests of the chunks of this
    run. restarted: what restart_scan had written when the run began. unfinished: keys of chunks from which
    the verb has not returned, to be tried again; other versions do not read them.
    """

    name: str
    last: Place | None = None
    at_end: bool = False
    dealt_with: set[bytes] = field(default_factory=set)
    restarted: str | None = None
    unfinished: set[uuid.UUID] = field(default_factory=set)

    @classmethod
    def load(cls, name: str) -> "Position":
        """The position of the run before; nothing counts as dealt with if restart_scan was called since."""
        cached = cache.get_many([_kept_of_written(name), _kept_again(name), _kept_unfinished(name)])
        nothing_yet = (None, False, frozenset[bytes](), None)
        last, at_end, dealt_with, before = cached.get(_kept_of_written(name), nothing_yet)
        restarted = cached.get(_kept_again(name))
        unfinished = set(cached.get(_kept_unfinished(name), ()))
        if len(unfinished) > MOST_UNFINISHED:
            return cls(name, restarted=restarted)
        dealt_with = dealt_with if before == restarted else ()
        return cls(name, last, at_end, set(dealt_with), restarted, unfinished)

    def store(self) -> None:
        value = (self.last, self.at_end, frozenset(self.dealt_with), self.restarted)
        cached = {_kept_of_written(self.name): value, _kept_unfinished(self.name): frozenset(self.unfinished)}
        cache.set_many(cached, timeout=None)

    @property
    def next_place(self) -> Place | None:
        """Behind which row the next run begins; None: at the beginning of the table."""
        if self.last and self.at_end:
            return self.last[0] - LONGEST_TRANSACTION, FIRST_KEY
        return self.last


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
    """Scan in chunks of keys, in key order, and call the verb once for each chunk; as of_rows otherwise."""
    return sum(map(verb, _for_a_while(name, rows.order_by("pk").values_list("pk", flat=True))))


def of_written(
    name: str,
    rows: QuerySet[Any],
    verb: Callable[[list[uuid.UUID]], int],
    *,
    reads_rows_alone: bool = False,
) -> int:
    """Scan in the order of updated_at, in chunks of keys: only what was written since the run before.

    A run that came to the end is followed by one that goes back by LONGEST_TRANSACTION, so that it sees what
    was committed behind the cached position; the verb does nothing for rows that it has seen. A chunk for
    which the verb raises, or the worker dies, ends the run; the next one goes on behind it, and tries its
    rows again at its end. A verb that reads nothing but these rows is not called for a chunk that is as it
    was at the run before, unless `restart_scan` was called since.
    """
    until, done = time.monotonic() + SECONDS, 0
    keys = rows.order_by("updated_at", "pk").values_list("updated_at", "pk")
    before = Position.load(name)
    position = Position(name, before.last, restarted=before.restarted, unfinished=before.unfinished)
    place = before.next_place
    while time.monotonic() < until and not position.at_end:
        found = list((_after(keys, place) if place else keys)[:AT_ONCE])
        position.at_end = len(found) < AT_ONCE
        if found:
            position.last = place = found[-1]
        chunk = {pk for _written, pk in found}
        position.unfinished |= chunk
        position.store()  # before the verb: a chunk that fails does not stop the next run
        if not found:
            break
        digest = _digest(found)
        if not reads_rows_alone or digest not in before.dealt_with:
            done += verb([pk for _written, pk in found])
        position.unfinished -= chunk
        if reads_rows_alone:
            position.dealt_with.add(digest)
    if position.unfinished:
        position.store()
        done += verb(list(position.unfinished))
        position.unfinished.clear()
    position.store()
    return done


def restart_scan(name: str) -> None:
    """Have the next run of `of_written` call its verb for each chunk: what the verb has made is gone.

    A run that is under way has begun before, so the next one believes nothing of what it has noted.
    """
    cache.set(_kept_again(name), uuid.uuid4().hex, timeout=None)


def _digest(chunk: list[Place]) -> bytes:
    """Digest of the keys in a chunk, and of when each row was written."""
    text = "".join(f"{written.isoformat()}{pk.hex}" for written, pk in chunk)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _after(keys: QuerySet[Any, Any], place: Place) -> QuerySet[Any, Any]:
    """Rows behind the place; the first condition is a range of the index."""
    written, pk = place
    return keys.filter(Q(updated_at__gt=written) | Q(pk__gt=pk), updated_at__gte=written)


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


def _kept_of_written(name: str) -> str:
    return f"in-order:{name}"


def _kept_unfinished(name: str) -> str:
    return f"unfinished:{name}"


def _kept_again(name: str) -> str:
    return f"again:{name}"


def of_any(portion: Callable[[], int]) -> int:
    """Repeat the verb until it finds nothing or the time limit is over; return the sum of its counts."""
    until = time.monotonic() + SECONDS
    done = some = portion()
    while some and time.monotonic() < until:
        some = portion()
        done += some
    return done


def in_turn(*scans: Callable[[], int]) -> int:
    """Run the scans of one job one after the other; return the sum of their counts.

    One that fails does not stop those after it; the first error is raised at the end. The time limit of the
    task, and a database that is down, end the job at once.
    """
    done, errors = list[int](), list[Exception]()
    for scan in scans:
        error = retry_later.error_of(partial(_append_count, scan, done))
        if isinstance(error, SoftTimeLimitExceeded) or (error and retry_later.is_database_down(error)):
            raise error
        if error is not None:
            errors.append(error)
    if errors:
        raise errors[0]
    return sum(done)


def _append_count(scan: Callable[[], int], counts: list[int]) -> None:
    counts.append(scan())
