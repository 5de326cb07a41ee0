"""Metrics, traces and log context of Celery tasks, by Celery's signals."""

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from celery.signals import (
    setup_logging,
    task_failure,
    task_postrun,
    task_prerun,
    worker_process_shutdown,
)
from django.conf import settings

from ca_bridge.telemetry import TRACE, Note
from identity_manager.config.broker import task_processes
from identity_manager.config.observability import tracing
from identity_manager.telemetry import correlation, instruments

UNRELATED = ("jobs.tick", "jobs.run")  # tasks started by these get correlation ids of their own
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _UnderWay:
    """A running task: log context, start time, and span."""

    context: ExitStack
    note: Note
    started: float
    results: list[correlation.Result]


def carry_counts() -> None:
    """Start the thread that writes this process's counters to the database."""
    # Here, because the models are not loaded when Celery reads this.
    from identity_manager.metrics import aggregation
    from identity_manager.models import ProcessKind

    aggregation.start(ProcessKind.WORKER)


def carry_the_last_counts() -> None:
    """Write the remaining counters when the process ends."""
    from identity_manager.metrics import aggregation

    aggregation.stop()


task_processes.have(begin=carry_counts, end=carry_the_last_counts)


@worker_process_shutdown.connect
def send_the_last_spans(**_: Any) -> None:
    """Flush traces: task processes end by os._exit, which skips OpenTelemetry's atexit hook."""
    tracing.stop()


@task_prerun.connect
def begin_task(task: Any, args: Sequence[Any], **_: Any) -> None:
    """Set the correlation id of the request or task that published it; a tick of the beat gets a new one."""
    headers = {**(task.request.headers or {}), **vars(task.request)}
    number = correlation.accepted(headers.get(correlation.REQUEST_ID))
    facts = {"task": task.name, **({"row": " ".join(map(str, args))} if args else {})}
    context = ExitStack()
    context.enter_context(correlation.bound(number, hands_on=task.name not in UNRELATED, **facts))
    results = context.enter_context(correlation.collect_results())
    parent = {"traceparent": str(headers.get("traceparent") or "")}
    note = context.enter_context(TRACE.span(task.name, {**facts, "request_id": number}, parent))
    task.request.identity_manager = _UnderWay(context, note, time.perf_counter(), results)


@task_postrun.connect
def end_task(task: Any, state: str, **_: Any) -> None:
    """Record duration and log line of a task, successful or not; ticks are not logged."""
    under_way: _UnderWay | None = task.request.get("identity_manager")
    if under_way is None:
        return
    seconds = time.perf_counter() - under_way.started
    instruments.TASK_SECONDS.labels(task.name).observe(seconds)
    # Celery calls a success whatever raises nothing: a mail that the server refused, a CA that is down.
    said = _of_all(under_way.results) or correlation.Result(state, logging.INFO)
    is_logged = settings.LOG_REQUESTS and task.request.args and task.name not in UNRELATED
    if is_logged or said.level > logging.INFO:
        logger.log(said.level, "%s %s in %.0f ms", task.name, said.words, seconds * 1000)
    under_way.note("outcome", state)
    under_way.context.close()


def _of_all(results: Sequence[correlation.Result]) -> correlation.Result | None:
    """The results of a task in one, several where its message names several rows; None if it has none."""
    if not results:
        return None
    words = dict.fromkeys(result.words for result in results)
    return correlation.Result("; ".join(words), max(result.level for result in results))


@task_failure.connect
def count_failure(sender: Any, **_: Any) -> None:
    """Count a task that ended with an unexpected exception."""
    instruments.TASK_FAILURES.labels(sender.name).inc()


@setup_logging.connect
def leave_logs_alone(**_: Any) -> None:
    """Receiver of setup_logging, which keeps Celery from replacing Django's logging configuration."""
