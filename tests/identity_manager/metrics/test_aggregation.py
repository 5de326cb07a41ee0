"""What processes count comes together in the database, once each."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, InterfaceError, connection
from django.test import Client
from django.utils import timezone

from ca_bridge import telemetry
from ca_bridge.contract import KeyAlgorithm
from ca_bridge.errors import CaError
from ca_bridge.keys import pool as key_pool
from identity_manager import audit
from identity_manager.audit import sealing
from identity_manager.metrics import aggregation, scraping
from identity_manager.metrics.aggregation import Aggregator
from identity_manager.models import LiveProcess, MailState, ProcessTotal
from identity_manager.telemetry import instruments
from identity_manager.workflow import step7_deliver
from tests.identity_manager.metrics.test_figures import scraped

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]


def test_two_processes_are_summed_up() -> None:
    """Each carries its growth; what was counted before a process began is its parent's."""
    instruments.UNPUBLISHED.inc()
    first = Aggregator("web")
    instruments.UNPUBLISHED.inc(2)
    first.aggregate()
    second = Aggregator("worker")
    instruments.UNPUBLISHED.inc(3)
    second.aggregate()
    assert scraped()["publish_failures_total", ()] == 5
    assert scraped()["processes", ("web",)] == 1
    second.aggregate()
    assert scraped()["publish_failures_total", ()] == 5


def test_what_came_of_a_mail_is_named_as_it_is_counted() -> None:
    (text,) = (text for name, _kind, text, _labels in scraping.described() if "mail_outcomes" in name)
    counted = {*MailState.values, step7_deliver.PUT_OFF} - {MailState.QUEUED.value}
    assert set(step7_deliver.OUTCOMES) == counted
    named = {value for value in counted if re.search(rf"[:;] {value}\b", text)}
    assert named == counted


def test_what_an_alert_looks_at_for_growth_begins_at_nothing() -> None:
    """A series that was not there before has not grown: the first ten refused mails would alarm nobody."""
    found = scraped()
    assert found["publish_failures_total", ()] == 0
    assert found["mail_outcomes_total", ("failed",)] == 0
    assert found["task_failures_total", ("road.issue_certificate",)] == 0
    assert found["task_failures_total", ("jobs.run",)] == 0
    aggregator = Aggregator("worker")
    instruments.MAILS.labels("failed").inc(10)
    aggregator.aggregate()
    assert scraped()["mail_outcomes_total", ("failed",)] == 10


def test_what_could_not_be_carried_is_carried_later(monkeypatch: pytest.MonkeyPatch) -> None:
    aggregator = Aggregator("web")
    instruments.UNPUBLISHED.inc()

    def away(*_: object, **__: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as patched:
        patched.setattr(LiveProcess, "save", away)
        with pytest.raises(DatabaseError):
            aggregator.aggregate()
    assert not ProcessTotal.objects.exists()
    aggregator.aggregate()
    assert scraped()["publish_failures_total", ()] == 1


@pytest.mark.parametrize("ahead", [-7200, 7200])
def test_a_host_whose_clock_is_off_says_so_and_is_alive(monkeypatch: pytest.MonkeyPatch, ahead: int) -> None:
    """By its own clock it would be dead to the others, or have them forgotten."""
    Aggregator("web").aggregate()
    with monkeypatch.context() as patched:
        patched.setattr(timezone, "now", lambda: datetime.now(UTC) + timedelta(seconds=ahead))
        Aggregator("worker").aggregate()
        there = scraped()
    here = scraped()
    if connection.vendor == "sqlite":  # is on this machine
        assert not any(name == "clock_ahead_seconds" for name, _labels in here)
        return
    for found in (here, there):
        assert (found["processes", ("web",)], found["processes", ("worker",)]) == (1, 1)
        assert found["clock_ahead_seconds", ("worker",)] == pytest.approx(ahead, abs=1)
        assert found["clock_ahead_seconds", ("web",)] == pytest.approx(0, abs=1)


def test_visits_are_counted_by_view_and_status(client: Client) -> None:
    aggregator = Aggregator("web")
    client.get("/account/login/?next=/planted-secret/")
    client.get("/no/such/page")
    client.generic("INVENTED", "/account/login/")
    aggregator.aggregate()
    found = scraped()
    assert found["http_requests_total", ("GET", "200", "account_login")] == 1
    assert found["http_request_seconds_count", ("account_login",)] == 2
    assert found["http_request_seconds_bucket", ("+Inf", "account_login")] == 2
    assert any(name == "http_requests_total" and "other" in labels for name, labels in found)
    assert "planted" not in repr(list(found))


def test_calls_at_a_ca() -> None:
    aggregator = Aggregator("worker")
    with telemetry.ca_call("corporate", "ask") as call:
        call.outcome = "issued"
    with pytest.raises(CaError), telemetry.ca_call("corporate", "ask"):
        raise CaError("down")
    with pytest.raises(ValueError, match="odd"), telemetry.ca_call("corporate", "ask"):
        raise ValueError("odd")
    aggregator.aggregate()
    found = scraped()
    for outcome in ("issued", "fault", "error"):
        assert found["ca_call_seconds_count", ("corporate", "ask", outcome)] == 1


def test_events_are_counted_once_when_they_are_sealed() -> None:
    aggregator = Aggregator("worker")
    audit.record(audit.Event.JOB_STARTED, actor=None, subject=None, job="a job")
    sealing.seal()
    sealing.seal()
    aggregator.aggregate()
    assert scraped()["events_total", ("job.started",)] == 1


@pytest.fixture
def pool() -> Iterator[key_pool.KeyPool]:
    yield key_pool.pool
    key_pool.pool.drain()


def test_the_key_pool_of_each_process(pool: key_pool.KeyPool) -> None:
    """Its size is the sum over living processes; its use goes on being counted."""
    aggregator = Aggregator("worker")
    pool.take(KeyAlgorithm.RSA_2048)
    aggregator.aggregate()
    LiveProcess.objects.create(
        kind="worker", host="b", gauges=[["identity_manager_key_pool_keys", '{"algorithm": "rsa-2048"}', 2]]
    )
    found = scraped()
    algorithm = KeyAlgorithm.RSA_2048.value
    assert found["key_pool_takes_total", (algorithm, "made")] == 1
    assert ("key_pool_keys", (algorithm,)) in found
    assert sum(value for (name, _labels), value in found.items() if name == "key_pool_keys") == 2


@pytest.mark.django_db(transaction=True)
def test_a_thread_carries_and_the_last_word_is_heard() -> None:
    aggregation.start("web")
    aggregation.start("web")  # again does nothing
    assert [each.name for each in threading.enumerate()].count("metrics") == 1
    instruments.UNPUBLISHED.inc()
    aggregation.stop()
    assert ProcessTotal.objects.get(name="identity_manager_publish_failures_total").value == 1
    assert not LiveProcess.objects.exists()
    assert "metrics" not in [each.name for each in threading.enumerate()]


@pytest.mark.django_db(transaction=True)
def test_two_that_carry_at_once_lose_nothing() -> None:
    def aggregate() -> None:
        for _ in range(20):
            ProcessTotal.objects.add({("a", "{}"): 1.0, ("b", "{}"): 1.0})
        connection.close()

    threads = [threading.Thread(target=aggregate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.value for row in ProcessTotal.objects.all()] == [80, 80]


def test_nothing_is_carried_by_commands() -> None:
    """A thread that writes to the database belongs to web and workers alone."""
    program = "import django, threading; django.setup(); print(threading.active_count())"
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "1"


@pytest.mark.parametrize("error", [DatabaseError, InterfaceError])
def test_a_process_goes_on_to_carry_after_its_connection_broke(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Else it would count on, and nobody would hear of it."""
    aggregator, tries = Aggregator("web"), list[int]()

    def broken() -> None:
        tries.append(1)
        aggregator._ended.set()
        if len(tries) == 1:
            raise error

    monkeypatch.setattr(aggregator, "aggregate", broken)
    monkeypatch.setattr(aggregation.connection, "close", lambda: None)
    aggregator._run()
    assert len(tries) == 2
