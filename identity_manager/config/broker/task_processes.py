"""The processes that carry tasks out: what each of them has from its beginning to its end.

A worker with processes leaves tasks to them; one with threads carries them out itself.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from celery.concurrency import prefork
from celery.signals import worker_process_init, worker_process_shutdown, worker_ready, worker_shutdown


def have(*, begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Call both in each of them. One that fails keeps no other from being called."""
    worker_process_init.connect(lambda **_: begin(), weak=False)
    worker_ready.connect(partial(begin_with_threads, begin), weak=False)
    for over in (worker_process_shutdown, worker_shutdown):
        over.connect(lambda **_: end(), weak=False)


def begin_with_threads(begin: Callable[[], None], sender: Any, **_: Any) -> None:
    """A worker says that it is ready."""
    if not isinstance(sender.pool, prefork.TaskPool):
        begin()
