"""The number of a visit: in its answer, on its error page, in its lines of the log and in the worker's."""

import json
import logging
import re
import time
import uuid
from collections.abc import Iterator

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.test import Client
from pytest_django import Settings

from identity_manager import queue
from identity_manager.config.observability.logs import JsonFormatter
from identity_manager.telemetry import correlation
from tests.journeys.office import Office

GIVEN = "0af7651916cd43dd8448eb211c80319c"


class Lines(logging.Handler):
    """What would be written as JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.entries: list[dict[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.entries.append(json.loads(self.format(record)))

    def about(self, words: str) -> list[dict[str, str]]:
        return [entry for entry in self.entries if words in entry["message"]]


@pytest.fixture
def lines(settings: Settings) -> Iterator[Lines]:
    settings.LOG_REQUESTS = True
    handler, logger = Lines(), logging.getLogger("identity_manager.config")
    logger.addHandler(handler)
    level, logger.level = logger.level, logging.INFO
    yield handler
    logger.level = level
    logger.removeHandler(handler)


@pytest.mark.django_db(transaction=True)
def test_one_journey_has_one_number_from_the_page_to_the_mail(office: Office, lines: Lines) -> None:
    """uma accepts: what the worker does then, to the mail with her file, has the number of that visit."""
    request = office.enable("VPN")
    lines.entries.clear()
    office.accept(request)

    (visit,) = lines.about("POST selfservice:terms")
    tasks = {task: lines.about(task) for task in ("road.issue_certificate", "mail.send")}
    for task, entries in tasks.items():
        assert entries, task
        assert {entry["request_id"] for entry in entries} == {visit["request_id"]}
        assert all(entry["row"] and entry["task"] == task for entry in entries)
    others = {entry["request_id"] for entry in lines.entries} - {visit["request_id"]}
    assert others  # the pages before and after it


@pytest.mark.django_db
def test_a_proxy_says_the_number_and_a_stranger_does_not(settings: Settings) -> None:
    client = Client(headers={"x-request-id": GIVEN})
    assert client.get("/account/login/")["X-Request-ID"] == GIVEN
    settings.PROXY_ADDRESSES = ["10.0.0.1"]
    number = Client(headers={"x-request-id": GIVEN}).get("/account/login/")["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", number)
    assert number != GIVEN


@pytest.mark.django_db
def test_an_error_page_shows_it() -> None:
    response = Client(headers={"x-request-id": GIVEN}).get("/no/such/page")
    assert response.status_code == 404
    assert GIVEN in response.content.decode()


@pytest.mark.django_db
def test_so_does_the_page_of_our_fault(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    """And the line with the traceback has it too."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("planned")

    monkeypatch.setattr("identity_manager.account.middleware.PersonMiddleware.__call__", broken)
    faults, logger = Lines(), logging.getLogger("django.request")
    logger.addHandler(faults)
    try:
        response = Client(raise_request_exception=False).get("/account/login/")
    finally:
        logger.removeHandler(faults)
    assert response.status_code == 500
    number = response["X-Request-ID"]
    assert number in response.content.decode()
    assert [entry["request_id"] for entry in faults.entries if "planned" in entry.get("exception", "")] == [
        number
    ]


def test_the_address_and_what_it_asks_for_are_not_told(lines: Lines) -> None:
    Client().get("/health/live", {"q": "planted"})
    Client().get("/static/planted.css", {"q": "planted"})
    assert lines.entries
    assert "planted" not in json.dumps(lines.entries)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Celery:
    """Another Celery with a broker of this process: messages are packed and unpacked as ever."""
    app = Celery("wire", broker="memory://", set_as_current=False)
    app.conf.task_ignore_result = True
    monkeypatch.setattr(queue, "current_app", app)
    return app


@pytest.mark.long
def test_the_number_travels_with_the_message(wire: Celery) -> None:
    """What the sweep starts, and a message without one, get a number of their own."""
    seen: list[dict[str, str]] = []

    @wire.task(name="a.task")
    def carried_out(_row: str) -> None:
        seen.append(correlation.facts())

    rows = [uuid.UUID(int=number) for number in range(4)]
    with correlation.bound(GIVEN):
        queue.publish("a.task", rows[0])
    with correlation.bound(GIVEN, hands_on=False, task="jobs.run"):
        queue.publish("a.task", rows[1])
        queue.publish("a.task", rows[2])
    carried_out.delay(str(rows[3]))
    with start_worker(wire, perform_ping_check=False, pool="solo", shutdown_timeout=30):
        while len(seen) < len(rows):
            time.sleep(0.01)
    by_row = {uuid.UUID(facts["row"]): facts["request_id"] for facts in seen}
    assert by_row[rows[0]] == GIVEN
    assert len(set(by_row.values())) == len(rows)
    assert all(facts["task"] == "a.task" for facts in seen)
    assert correlation.facts() == {}
