"""How long a batch order takes, and how long somebody else waits for the database meanwhile.

An installation of its own, with so many Active persons more; a real broker takes the messages, and a worker
with two processes, as far as there are two cores, has them from there. The dry run and the enabling are timed
apart; cpu_seconds are those of the worker. Beside them another process writes one row every 20 ms, as a click
would, and notes how long each write took: with nobody else at work, then during both parts. It writes in turn
to somebody whom the order has nothing to do with, and to the person whose turn it is in the order.
"""

import json
import sys
import threading
import time
import uuid
from itertools import cycle
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from identity_manager.management.embedded import Broker, server_executable
from identity_manager.models import BatchLine, BatchOrder, BatchShard, BatchSource, Person, TokenType
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import placing
from tests.performance import part, people, processes
from tests.performance.timing import percentile, seconds_of
from tests.tools.broker import started

TYPE = "vpn"  # no approval, one certificate
EVERY_SECONDS = 0.02
LOOK_SECONDS = 0.05
WARM_UP = 600  # persons, so that each process of the worker has its part of them


def measured(number: int) -> dict[str, Any]:
    """Seconds of both parts, with those of processors, and the waits of a bystander in milliseconds."""
    socket = Path(settings.VAR_DIR) / "run" / "broker.sock"
    broker = started(Broker(server_executable(), socket.parent, socket))
    workers = min(2, len(processes.cores()) or 1)  # as many as can work at once
    log = Path(settings.VAR_DIR) / "worker.log"
    worker = processes.worker(log, queue="bulk", number=workers, own_session=True)
    try:
        carried_out(worker, *people.make(WARM_UP))
        ids, order_id = people.make(number), uuid.uuid4()
        alone = beside(order_id, worker, lambda: time.sleep(2))
        dry_run = beside(order_id, worker, lambda: looked_at(worker, order_id, *ids))
        enabling = beside(order_id, worker, lambda: enabled(worker, order_id))
    finally:
        processes.stop(worker)
        processes.stop(broker)
    figures = {
        "enable_10000_s": enabling["seconds"] * 10_000 / number,
        "enable_wait_max_ms": max(dry_run["wait_max_ms"], enabling["wait_max_ms"]),
    }
    return {
        "figures": figures,
        "workers": workers,
        "persons": number,
        "counts": order_of(order_id).counts,
        "alone": alone,
        "dry_run": dry_run,
        "enabling": enabling,
    }


def carried_out(worker: Any, *ids: str) -> None:
    """A whole order, so that the worker's processes are there, and have loaded what they need."""
    order_id = uuid.uuid4()
    looked_at(worker, order_id, *ids)
    enabled(worker, order_id)


def looked_at(worker: Any, order_id: uuid.UUID, *ids: str) -> None:
    """Give the order, and wait for its dry run."""
    token_type = TokenType.objects.active().get(code=TYPE)
    wanted = placing.BatchOrderInput(BatchSource.SELECTION, ids, [token_type.pk], accept_partial=False)
    placing.place_order(actor=people.officer(), order_id=order_id, wanted=wanted)
    wait_for(worker, order_id, "checked")


def enabled(worker: Any, order_id: uuid.UUID) -> None:
    """Start the order, and wait for its end."""
    batch_orders.start(actor=people.officer(), order_id=order_id)
    wait_for(worker, order_id, "finished")


def wait_for(worker: Any, order_id: uuid.UUID, state: str) -> None:
    faults = BatchShard.objects.with_fault(order_id)  # which nobody would try again: there is no beat here
    while (order := order_of(order_id)).state != state:
        if worker.poll() is not None or order.last_error or faults.exists():
            raise RuntimeError(f"The order did not get to be {state}; see worker.log")
        time.sleep(LOOK_SECONDS)


def order_of(order_id: uuid.UUID) -> Any:
    return BatchOrder.objects.listed().get(pk=order_id)


def beside(order_id: uuid.UUID, worker: Any, work: Any) -> dict[str, Any]:
    """Have the work done while somebody else writes now and then."""
    witness = Person.objects.exclude(given_name="Bulk").order_by("pk").first()
    asked = {"person_id": str(witness.pk), "order_id": str(order_id)}
    other = part.started("enable.waited", "--have", part.NOTHING, **asked)
    part.heard(other)  # it has loaded
    cpu = processes.cpu_seconds(processes.family(worker.pid))
    seconds = seconds_of(work)
    used = processes.cpu_seconds(processes.family(worker.pid)) - cpu
    waits = json.loads(other.communicate("", timeout=30)[0])
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used, 2),
        "waits": len(waits),
        "wait_p50_ms": round(percentile(waits, 50), 1),
        "wait_p99_ms": round(percentile(waits, 99), 1),
        "wait_max_ms": round(max(waits), 1),
    }


def waited(person_id: str, order_id: str) -> list[float]:
    """Milliseconds that each write took, until the standard input is closed."""
    closed = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
    waits = []
    part.say("ready")
    ready = BatchLine.objects.ready(order_id).values_list("person_id", flat=True)  # the first one is locked
    whose = cycle([lambda: person_id, lambda: ready.first() or person_id])
    while not closed.wait(EVERY_SECONDS):
        waits.append(written(next(whose)()))
    return waits


def written(person_id: Any) -> float:
    """Milliseconds until the person's row was written, and committed."""

    def write() -> None:
        with transaction.atomic():
            Person.objects.filter(pk=person_id).update(updated_at=timezone.now())

    return seconds_of(write) * 1000
