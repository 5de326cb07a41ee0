"""How long a batch order takes, and how long somebody else waits for the database meanwhile.

    python -m tests.performance.enable --persons 10000 --out FILE

An installation of its own, with so many Active persons more; a real broker takes the messages. The dry run
and the enabling are timed apart. Beside them another process writes one row every 20 ms, as a click would,
and notes how long each write took: with nobody else at work, then during both parts. It writes in turn to
somebody whom the order has nothing to do with, and to the person whose turn it is in the order.
"""

import argparse
import json
import subprocess
import sys
import time
import uuid
from itertools import cycle
from pathlib import Path
from typing import Any

import django

TYPE = "vpn"  # no approval, one certificate
EVERY_SECONDS = 0.02


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--persons", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--bystander", metavar="PERSON")
    parser.add_argument("--order", type=uuid.UUID)
    options = parser.parse_args()
    django.setup()
    if options.bystander:
        sys.stdout.write(json.dumps(waited(options.bystander, options.order)))
        return
    report = json.dumps(measured(options.persons), indent=1)
    if options.out:
        options.out.write_text(report, encoding="utf-8")
    else:
        sys.stdout.write(report + "\n")


def measured(number: int) -> dict[str, Any]:
    """Seconds of both parts, with the statements of each, and the waits of a bystander in milliseconds."""
    from django.conf import settings
    from django.db import connection

    from identity_manager.config import garbage
    from identity_manager.management.embedded import Broker, server_executable
    from identity_manager.management.preparation import prepare

    prepare()
    garbage.look_among_the_new_alone()  # as in a worker
    socket = Path(settings.VAR_DIR) / "run" / "broker.sock"
    broker = Broker(server_executable(), socket.parent, socket)
    process = subprocess.Popen(broker.program().arguments)
    try:
        order = given(number)
        alone = beside(order, lambda: time.sleep(2))
        dry_run = beside(order, lambda: carried_out(order))
        started(order)
        enabling = beside(order, lambda: carried_out(order))
    finally:
        process.terminate()
        process.wait(timeout=10)
    order.refresh_from_db()
    return {
        "database": connection.vendor,
        "persons": number,
        "counts": order.counts,
        "alone": alone,
        "dry_run": dry_run,
        "enabling": enabling,
    }


def given(number: int) -> Any:
    """A batch order for so many persons who were made for it."""
    from identity_manager.models import BatchSource, Person, TokenType
    from identity_manager.workflow import batch_orders

    run = uuid.uuid4().hex[:8]
    persons = []
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
        persons.append(person)
    Person.objects.bulk_create(persons, batch_size=500)
    token_type = TokenType.objects.active().get(code=TYPE)
    ids = [str(person.pk) for person in persons]
    wanted = batch_orders.Wanted(BatchSource.SELECTION, ids, [token_type.pk], accept_partial=False)
    return batch_orders.ask(actor=officer(), order_id=uuid.uuid4(), wanted=wanted)


def officer() -> Any:
    from identity_manager.models import Person, Role

    return Person.objects.holding(Role.TOKEN_ADMINISTRATOR).first()


def carried_out(order: Any) -> None:
    """As the worker does, message after message."""
    from identity_manager.models import BatchOrder
    from identity_manager.workflow import batch_run

    while batch_run.run(order_id=order.pk):
        if not BatchOrder.objects.get(pk=order.pk).is_at_work:
            return


def started(order: Any) -> None:
    from identity_manager.workflow import batch_orders

    batch_orders.start(actor=officer(), order_id=order.pk)


def beside(order: Any, work: Any) -> dict[str, Any]:
    """Do the work while somebody else writes now and then."""
    from identity_manager.models import Person

    witness = Person.objects.exclude(given_name="Bulk").order_by("pk").first()
    command = [sys.executable, "-m", "tests.performance.enable", "--bystander", str(witness.pk)]
    command += ["--order", str(order.pk)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    other.stdout.readline()  # it has loaded
    began, cpu = time.perf_counter(), time.process_time()
    work()
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    waits = sorted(json.loads(other.communicate("", timeout=30)[0]))
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used, 2),
        "waits": len(waits),
        "wait_p50_ms": round(waits[len(waits) // 2], 1),
        "wait_p99_ms": round(waits[int(len(waits) * 0.99)], 1),
        "wait_max_ms": round(waits[-1], 1),
    }


def waited(person_id: str, order_id: uuid.UUID) -> list[float]:
    """Milliseconds that each write took, until the standard input is closed."""
    import threading

    closed = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
    waits = []
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    whose = cycle([lambda: person_id, lambda: whose_turn_it_is(order_id) or person_id])
    while not closed.wait(EVERY_SECONDS):
        waits.append(written(next(whose)()))
    return waits


def written(person_id: Any) -> float:
    """Milliseconds until the person's row was written, and committed."""
    from django.db import transaction
    from django.utils import timezone

    from identity_manager.models import Person

    began = time.perf_counter()
    with transaction.atomic():
        Person.objects.filter(pk=person_id).update(updated_at=timezone.now())
    return (time.perf_counter() - began) * 1000


def whose_turn_it_is(order_id: uuid.UUID) -> Any:
    """The first whom the order has not enabled yet, whom it has locked while it writes; None: nobody."""
    from identity_manager.models import BatchLine

    return BatchLine.objects.ready(order_id).values_list("person_id", flat=True).first()


if __name__ == "__main__":
    main()
