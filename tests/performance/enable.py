"""How long a batch order takes, and how long somebody else waits for the database meanwhile.

An installation of its own, with so many Active persons more; a real broker takes the messages, and a worker
with two processes, as far as there are two cores, has them from there. The dry run and the enabling are timed
apart; cpu_seconds are those of the worker. Beside them another process writes one row every 20 ms, as a click
would, and notes how long each write took: with nobody else at work, then during both parts. It writes in turn
to somebody whom the order has nothing to do with, and to the person whose turn it is in the order.
"""

import json
import subprocess
import sys
import threading
import time
import uuid
from itertools import cycle
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from identity_manager.management.embedded import Broker, server_executable
from identity_manager.models import BatchLine, BatchOrder, BatchShard, BatchSource, Person, Role, TokenType
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import placing
from tests.performance import part, processes
from tests.performance.place import ROOT
from tests.tools.broker import started

TYPE = "vpn"  # no approval, one certificate
EVERY_SECONDS = 0.02
LOOK_SECONDS = 0.05
WARM_UP = 600  # persons, so that each process of the worker has its part of them
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR")


def measured(number: int) -> dict[str, Any]:
    """Seconds of both parts, with those of processors, and the waits of a bystander in milliseconds."""
    socket = Path(settings.VAR_DIR) / "run" / "broker.sock"
    broker = started(Broker(server_executable(), socket.parent, socket))
    worker = workers(Path(settings.VAR_DIR) / "worker.log")
    try:
        carried_out(worker, *persons(WARM_UP))
        ids, order_id = persons(number), uuid.uuid4()
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
        "database": connection.vendor,
        "workers": worker_processes(),
        "persons": number,
        "counts": order_of(order_id).counts,
        "alone": alone,
        "dry_run": dry_run,
        "enabling": enabling,
    }


def worker_processes() -> int:
    """As many as can work at once, two at most."""
    return min(2, len(processes.cores()) or 1)


def workers(log: Path) -> "subprocess.Popen[bytes]":
    """A worker for batch orders alone, with its processes."""
    command = ["celery", "--quiet", "--app", "identity_manager", "worker", "--pool", "prefork"]
    command += ["--concurrency", str(worker_processes()), "--queues", "bulk", *QUIET]
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", *command],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def persons(number: int) -> list[str]:
    """The ids of so many Active persons who are made for an order."""
    run = uuid.uuid4().hex[:8]
    made = []
    for place in range(number):
        name = f"{run}-{place}"
        person = Person(
            personnel_number=name,
            given_name="Bulk",
            surname=name,
            display_name=f"Bulk {name}",
            email=f"{name}@example.com",
            upn=f"{name}@corp.example.com",
            language=("en", "de")[place % 2],
        )
        person.activate()
        person.search_text = person.compose_search_text()
        made.append(person)
    Person.objects.bulk_create(made, batch_size=500)
    return [str(person.pk) for person in made]


def carried_out(worker: Any, *ids: str) -> None:
    """A whole order, so that the worker's processes are there, and have loaded what they need."""
    order_id = uuid.uuid4()
    looked_at(worker, order_id, *ids)
    enabled(worker, order_id)


def looked_at(worker: Any, order_id: uuid.UUID, *ids: str) -> None:
    """Give the order, and wait for its dry run."""
    token_type = TokenType.objects.active().get(code=TYPE)
    wanted = placing.BatchOrderInput(BatchSource.SELECTION, ids, [token_type.pk], accept_partial=False)
    placing.place_order(actor=officer(), order_id=order_id, wanted=wanted)
    wait_for(worker, order_id, "checked")


def enabled(worker: Any, order_id: uuid.UUID) -> None:
    """Start the order, and wait for its end."""
    batch_orders.start(actor=officer(), order_id=order_id)
    wait_for(worker, order_id, "finished")


def wait_for(worker: Any, order_id: uuid.UUID, state: str) -> None:
    while order_of(order_id).state != state:
        if worker.poll() is not None or has_a_fault(order_id):
            raise RuntimeError(f"The order did not get to be {state}; see worker.log")
        time.sleep(LOOK_SECONDS)


def has_a_fault(order_id: uuid.UUID) -> bool:
    """Nobody would try it again: there is no beat here."""
    return bool(order_of(order_id).last_error) or BatchShard.objects.with_fault(order_id).exists()


def order_of(order_id: uuid.UUID) -> Any:
    return BatchOrder.objects.listed().get(pk=order_id)


def officer() -> Any:
    return Person.objects.holding(Role.TOKEN_ADMINISTRATOR).first()


def beside(order_id: uuid.UUID, worker: Any, work: Any) -> dict[str, Any]:
    """Have the work done while somebody else writes now and then."""
    witness = Person.objects.exclude(given_name="Bulk").order_by("pk").first()
    command = part.command(
        "enable.waited", "--have", part.NOTHING, person_id=str(witness.pk), order_id=str(order_id)
    )
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    other.stdout.readline()  # it has loaded
    began, cpu = time.perf_counter(), processes.cpu_seconds(processes.family(worker.pid))
    work()
    seconds = time.perf_counter() - began
    used = processes.cpu_seconds(processes.family(worker.pid)) - cpu
    waits = sorted(json.loads(other.communicate("", timeout=30)[0]))
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used, 2),
        "waits": len(waits),
        "wait_p50_ms": round(waits[len(waits) // 2], 1),
        "wait_p99_ms": round(waits[int(len(waits) * 0.99)], 1),
        "wait_max_ms": round(waits[-1], 1),
    }


def waited(person_id: str, order_id: str) -> list[float]:
    """Milliseconds that each write took, until the standard input is closed."""
    closed = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
    waits = []
    part.say("ready")
    whose = cycle([lambda: person_id, lambda: whose_turn_it_is(order_id) or person_id])
    while not closed.wait(EVERY_SECONDS):
        waits.append(written(next(whose)()))
    return waits


def written(person_id: Any) -> float:
    """Milliseconds until the person's row was written, and committed."""
    began = time.perf_counter()
    with transaction.atomic():
        Person.objects.filter(pk=person_id).update(updated_at=timezone.now())
    return (time.perf_counter() - began) * 1000


def whose_turn_it_is(order_id: str) -> Any:
    """The first whom the order has not enabled yet, whom it has locked while it writes; None: nobody."""
    return BatchLine.objects.ready(order_id).values_list("person_id", flat=True).first()
