"""Which processes make keys in advance: those that carry tasks out, and no other."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from celery.app.amqp import Queues
from celery.concurrency import prefork, thread
from celery.signals import worker_process_shutdown, worker_shutdown
from celery.utils.dispatch import Signal
from pytest_django import Settings

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.keys.pool import pool
from identity_manager import queue, task_names
from identity_manager.config import celery
from identity_manager.config.broker import task_processes


@pytest.fixture(autouse=True)
def _emptied() -> Iterator[None]:
    yield
    pool.drain()


def ready(kind: type) -> bool:
    """A worker with that kind of pool says that it is ready; whether keys are being made in this process."""
    sender = SimpleNamespace(pool=kind.__new__(kind))
    task_processes.begin_with_threads(celery.fill_key_pool, sender=sender)
    return pool.running


def test_a_worker_with_threads_makes_keys_itself() -> None:
    assert ready(thread.TaskPool)
    assert KeyAlgorithm.RSA_3072 in pool.figures()


def test_a_worker_with_processes_leaves_it_to_them() -> None:
    assert not ready(prefork.TaskPool)
    celery.fill_key_pool()  # what worker_process_init calls in each of them
    assert pool.running


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Queues:
    """What this process takes from; put back afterwards."""
    found = celery.app.amqp.queues
    monkeypatch.setattr(found, "_consume_from", None)
    return found


@pytest.mark.parametrize("asked_for", [[], ["ca"], ["mail", "ca"]])
def test_who_issues_certificates_makes_keys(queues: Queues, asked_for: list[str]) -> None:
    """Without a word a worker takes from every queue."""
    queues.select(asked_for)
    celery.fill_key_pool()
    assert pool.running
    assert queue.name_of(task_names.ISSUE) == celery.CERTIFICATES


@pytest.mark.parametrize("asked_for", ["mail", "bulk"])
def test_who_issues_none_makes_none(queues: Queues, asked_for: str) -> None:
    """With processes and with threads, and with what it takes unasked."""
    queues.select([asked_for])
    celery.take_jobs(instance=SimpleNamespace(app=celery.app))
    celery.fill_key_pool()
    assert not pool.running
    assert not ready(thread.TaskPool)


@pytest.mark.parametrize("over", [worker_process_shutdown, worker_shutdown], ids=["processes", "threads"])
def test_it_ends_with_the_worker(over: Signal) -> None:
    celery.fill_key_pool()
    over.send(sender=None, pid=0, exitcode=0)
    assert not pool.running
    assert all(ready == 0 for ready, _hits, _misses in pool.figures().values())


def test_it_can_be_switched_off(settings: Settings) -> None:
    settings.KEY_POOL_SIZE = 0
    celery.fill_key_pool()
    assert not pool.running
