"""Work on rows for a limited time: a CA that hangs keeps no worker for long, and the next run goes on."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Each = TypeVar("Each")
AT_CAS_SECONDS = 60  # then the next run of the job goes on: a CA that hangs keeps no worker for long


def for_a_while(several: Iterable[Each]) -> Iterator[Each]:
    """Each of them until AT_CAS_SECONDS are over."""
    until = time.monotonic() + AT_CAS_SECONDS
    for each in several:
        if time.monotonic() > until:
            return
        yield each
