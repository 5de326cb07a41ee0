"""What still runs at the end works: every worker takes what is sent to it alone, nobody burns a core idly.

While everything is killed now and then, and started again, a process that lives and does nothing goes unseen.
"""

import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator

from celery import Celery

from identity_manager import task_names
from tests.chaos.processes import Fleet, Process
from tests.performance.processes import family, wants_a_core

TAKES_SECONDS = 60.0
LOOK_SECONDS = 0.5
REST_SECONDS = 4.0
GLANCE_SECONDS = 0.02
RESTLESS = 0.5  # of the time, for each process of an installation that has nothing to do


def faults(fleet: Fleet, app: Celery) -> list[str]:
    """A sentence for each fault. All work is done, and no fault is injected any more."""
    return [*deaf(fleet.workers, app), *restless(fleet.all())]


def deaf(workers: Iterable[Process], app: Celery, *, seconds: float = TAKES_SECONDS) -> Iterator[str]:
    """Those that fetch nothing; each worker reads a queue of its own name besides the others."""
    names = [worker.name for worker in workers]
    for name in names:
        app.send_task(task_names.SEAL, args=(str(uuid.uuid4()),), queue=name)  # of no token: nothing to do
    deadline = time.monotonic() + seconds
    waiting = list(names)
    while waiting and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        waiting = [name for name in waiting if _length(app, name)]
    return (f"{name} runs and fetches nothing from the broker" for name in waiting)


def _length(app: Celery, name: str) -> int:
    """A queue that is empty does not exist."""
    with app.connection_for_read() as connection, connection.SimpleQueue(name) as queue:
        try:
            return int(queue.qsize())
        except connection.channel_errors:
            return 0


def restless(processes: Iterable[Process], *, seconds: float = REST_SECONDS) -> list[str]:
    """Those of which one process runs, or waits for a core, most of the time.

    What it takes of a core is no measure: where others want the cores too, who burns them gets little.
    """
    everybody = [(each.name, pid) for each in processes if each.pid for pid in family(each.pid)]
    seen: Counter[int] = Counter()
    looks = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(GLANCE_SECONDS)
        seen.update(pid for _name, pid in everybody if wants_a_core(pid))
        looks += 1
    return [
        f"{name} has nothing to do and wants a core {seen[pid] / looks:.0%} of the time"
        for name, pid in everybody
        if seen[pid] > RESTLESS * looks
    ]
