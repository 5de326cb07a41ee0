"""Start and end hooks of the processes that execute tasks.

With the prefork pool these are the worker's children; with threads it is the worker itself.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from celery.concurrency import prefork
from celery.signals import worker_process_init, worker_process_shutdown, worker_ready, worker_shutdown


def have(*, begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Register a pair of hooks for each process. A failing hook does not prevent the others."""
    worker_process_init.connect(lambda **_: begin(), weak=False)
    worker_ready.connect(partial(begin_with_threads, begin), weak=False)
    for over in (worker_process_shutdown, worker_shutdown):
        over.connect(lambda **_: end(), weak=False)


def begin_with_threads(begin: Callable[[], None], sender: Any, **_: Any) -> None:
    """Run the hook when a worker with threads is ready."""
    if not isinstance(sender.pool, prefork.TaskPool):
        begin()
