"""The broker is emptied, or away, and all work finishes; with thousands of due rows it is not flooded."""

import base64
import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from celery import current_app
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone
from kombu import Connection

from identity_manager import queue
from identity_manager.jobs import standby, sweep
from identity_manager.management.commands import stand_in
from identity_manager.management.embedded import Broker, server_executable
from identity_manager.models import MailState, OutgoingMail, RequestState
from identity_manager.task_names import SEND_MAIL, TOGETHER
from tests.sinks import wire
from tests.tools import cast
from tests.tools.broker import running_broker
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long_on_postgresql]
MANY = pytest.mark.parametrize("rows", [2_000, pytest.param(10_000, marks=pytest.mark.nightly)])
TICK = timedelta(seconds=5)


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A real one, which nobody reads; what is published goes there."""
    with running_broker(server_executable()) as running, wire.published_to(running.url):
        yield running


def messages(broker: Broker, name: str) -> list[str]:
    """The rows that the messages of a queue are about."""
    with Connection(broker.url) as connection:
        client = connection.default_channel.client  # type: ignore[attr-defined]  # of Redis
        return [row for raw in client.lrange(name, 0, -1) for row in _arguments(json.loads(raw))]


def _arguments(message: dict[str, str]) -> list[str]:
    arguments: list[str] = json.loads(base64.b64decode(message["body"]))[0]
    return arguments


def empty(broker: Broker) -> int:
    """Whatever waits is lost; returns how much it was."""
    with Connection(broker.url) as connection:
        client = connection.default_channel.client  # type: ignore[attr-defined]  # of Redis
        lost = sum(client.llen(name) for name in ("ca", "mail", "bulk"))
        client.flushall()
        return int(lost)


def work(broker: Broker) -> int:
    """Take what waits at the broker now and do it, as a worker would; returns how much it was."""
    waiting, done = sum(queue.length(name) or 0 for name in ("ca", "mail", "bulk")), 0
    with Connection(broker.url) as connection:
        while done < waiting:
            message = wire.next_message(connection)
            current_app.tasks[message.headers["task"]](*message.decode()[0])
            message.ack()
            done += 1
    return done


@pytest.mark.long
def test_a_broker_that_is_emptied_at_every_step_loses_nothing(broker: Broker) -> None:
    request = Company().request_in("issuing")
    lost = empty(broker)
    at = timezone.now()
    for _step in range(6):
        at += timedelta(seconds=61)
        with time_machine.travel(at):
            sweep.sweep()
            work(broker)
            lost += empty(broker)  # what these steps had published is gone again

    assert lost >= 3
    request.refresh_from_db()
    assert request.state == RequestState.ISSUED
    assert request.tokens.get().delivery == "sent"


def test_without_any_broker_a_standby_finishes_all(transactional_db: None) -> None:
    """The address of the tests' broker is one where nobody listens."""
    request = Company().request_in("issuing")
    assert queue.length("ca") is None
    for _turn in range(3):
        standby.work_once()
    request.refresh_from_db()
    assert request.state == RequestState.ISSUED
    assert request.tokens.get().delivery == "sent"


def test_the_standby_is_idle_while_the_broker_answers(broker: Broker) -> None:
    request = Company().request_in("issuing")
    assert standby.stand_in() == 0
    request.refresh_from_db()
    assert request.state == RequestState.ISSUING


def test_the_standby_outlives_a_database_that_is_started_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = iter([OperationalError("the server is shutting down"), KeyboardInterrupt()])
    monkeypatch.setattr(standby, "stand_in", mock.Mock(side_effect=outcomes))
    monkeypatch.setattr(stand_in, "SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        call_command("stand_in")
    assert "The database cannot be used" in caplog.text


# --- with thousands of due rows


def tell(figure: str) -> None:
    """A figure, to be seen with `pytest -s`."""
    sys.stdout.write(f"\n{figure}\n")


def many_due(number: int) -> None:
    person, now = cast.person("uma"), timezone.now()
    OutgoingMail.objects.bulk_create(
        OutgoingMail(
            person=person,
            to_address=person.email,
            message="information",
            occasion=f"flood {row}",
            subject="s",
            next_attempt_at=now - timedelta(seconds=row % 900),
        )
        for row in range(number)
    )


@pytest.mark.long
@pytest.mark.nightly_on_postgresql
@MANY
def test_thousands_of_due_rows_do_not_flood_a_broker_that_nobody_reads(broker: Broker, rows: int) -> None:
    many_due(rows)
    at = timezone.now()
    published = 0
    for _tick in range(60):  # five minutes
        at += TICK
        with time_machine.travel(at):
            published += sweep.sweep()
        assert queue.length("mail") <= sweep.QUEUE_LIMIT / TOGETHER[SEND_MAIL]
    waiting = messages(broker, "mail")
    tell(f"{rows} due rows, nobody reads: {len(waiting)} wait after 60 ticks, {published} were published")
    assert len(waiting) == published == sweep.QUEUE_LIMIT
    assert max(Counter(waiting).values()) == 1


@pytest.mark.long
@pytest.mark.nightly_on_postgresql
@MANY
@pytest.mark.parametrize("loses", [pytest.param(False, marks=pytest.mark.nightly), True])
def test_thousands_of_due_rows_are_handed_out_as_they_are_taken(
    broker: Broker, rows: int, *, loses: bool
) -> None:
    """A worker takes all that waits between two ticks; every fifth time the broker has lost it before.

    What was lost comes again after a minute, twelve ticks of a clock that stands still between them: not in
    step with the losses, or the same rows would be lost for ever.
    """
    many_due(rows)
    at, published, done, ticks = timezone.now(), 0, 0, 0
    while done < rows:
        ticks += 1
        assert ticks < 200
        at += TICK
        with time_machine.travel(at, tick=False):
            published += sweep.sweep()
        taken = [] if loses and ticks % 5 == 0 else messages(broker, "mail")
        empty(broker)
        done += OutgoingMail.objects.filter(pk__in=taken, state=MailState.QUEUED).update(state=MailState.SENT)
    lost = (ticks // 5) * sweep.QUEUE_LIMIT if loses else 0
    tell(f"{rows} due rows: done after {ticks} ticks, {published} published, {lost} of them lost")
    assert published <= rows + lost
    assert ticks <= rows / sweep.QUEUE_LIMIT + lost / sweep.QUEUE_LIMIT + 13
