"""Every worker takes ticks and jobs, but those of mail alone."""

from dataclasses import dataclass
from datetime import UTC, timedelta
from unittest.mock import Mock

import pytest
from celery import Celery, current_app
from celery.worker.request import Request
from django.conf import settings
from django.utils import timezone

from identity_manager.config.broker import addresses as broker
from identity_manager.config.celery import take_jobs
from identity_manager.workflow.requests import suspension


@dataclass
class Worker:
    app: Celery


@pytest.mark.parametrize(
    ("asked_for", "taken"),
    [
        ("ca", {"ca", "jobs"}),
        ("bulk", {"bulk", "jobs"}),
        ("ca,mail,bulk", {"ca", "mail", "bulk", "jobs"}),
        ("mail", {"mail"}),
    ],
)
def test_what_a_worker_takes(asked_for: str, taken: set[str]) -> None:
    app = Celery("apart", set_as_current=False)
    app.conf.task_queues = broker.queues("amqp://q/")
    queues = app.amqp.queues
    queues.select(asked_for.split(","))

    take_jobs(instance=Worker(app))

    assert set(queues.consume_from) == taken
    assert all(queue.queue_arguments == {"x-queue-type": "quorum"} for queue in queues.consume_from.values())


def test_ticks_and_jobs_go_there() -> None:
    app = Celery("apart", set_as_current=False)
    app.conf.task_queues, app.conf.task_routes = settings.CELERY_TASK_QUEUES, settings.CELERY_TASK_ROUTES
    routed = {
        task: app.amqp.router.route({}, task)["queue"].name
        for task in ("jobs.tick", "jobs.run", "audit.seal", "bulk.run", "bulk.run_stretch")
    }
    jobs, bulk = ("jobs.tick", "jobs.run", "audit.seal"), ("bulk.run", "bulk.run_stretch")
    assert routed == {**dict.fromkeys(jobs, "jobs"), **dict.fromkeys(bulk, "bulk")}


@pytest.mark.parametrize("name", ["tick", "seal"])
def test_a_beat_whose_clock_is_minutes_behind_is_heard(name: str) -> None:
    """A worker throws away, by its own clock, what the beat says that nobody wants any more."""
    entry = settings.CELERY_BEAT_SCHEDULE[name]
    by_the_beat = timezone.now() - suspension.CLOCKS_DIFFER + timedelta(seconds=30)
    app = Celery("apart", set_as_current=False)
    sent = app.amqp.as_task_v2(
        "id", entry["task"], expires=entry["options"]["expires"], now=by_the_beat, timezone=UTC
    )
    message = Mock(headers=sent.headers, properties=sent.properties, delivery_info={}, body=sent.body)
    task = current_app.tasks[entry["task"]]
    heard = Request(message, app=app, task=task, headers=sent.headers, decoded=True, body=sent.body)
    assert heard.expires is not None
    assert not heard.maybe_expire()
