"""Time limit for jobs that call CAs row by row, so that a slow CA does not block a worker."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
TIME_LIMIT_SECONDS = 60  # per run of a job; the next run continues


def within_time_limit(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items until TIME_LIMIT_SECONDS have passed; the rest is left to the next run."""
    until = time.monotonic() + TIME_LIMIT_SECONDS
    for item in items:
        if time.monotonic() > until:
            return
        yield item
