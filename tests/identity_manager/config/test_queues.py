"""Every worker takes ticks and jobs, but those of mail alone."""

from dataclasses import dataclass

import pytest
from celery import Celery
from django.conf import settings

from identity_manager.config import broker
from identity_manager.config.celery import take_jobs


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
