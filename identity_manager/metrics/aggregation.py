"""Aggregates the counters of all processes in the database, by a thread in each process.

So workers need no port for scraping, and counts of ended processes are kept (docs/decisions). Counts of the
last seconds before a kill are lost.
"""

import json
import logging
import socket
import threading
from collections.abc import Iterator

from django.db import Error, connection, transaction
from prometheus_client import Metric
from prometheus_client.samples import Sample

from ca_bridge.telemetry import REGISTRY
from identity_manager.metrics import clocks
from identity_manager.models import LiveProcess, ProcessTotal
from identity_manager.models.operation.process_metrics import Key

EVERY_SECONDS = 15.0
CREATED = "_created"  # creation times of counters, meaningless for a sum over processes

logger = logging.getLogger(__name__)


class Aggregator:
    """The counts of this process since it started, and the part of them that is stored in the database."""

    def __init__(self, kind: str) -> None:
        self._process = LiveProcess(kind=kind, host=socket.gethostname()[:100])
        self._aggregated = _totals()  # a fork inherits its parent's counts, which the parent stores
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; it stores counts at once, so that a new process is visible."""
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Store the remaining counts and remove this process from the live ones."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def aggregate(self) -> None:
        """Add the growth since the last call to the totals, and refresh this process's liveness."""
        counted = _totals()
        growth = {key: value - self._aggregated.get(key, 0) for key, value in counted.items()}
        now, self._process.clock_ahead = clocks.read()
        self._process.seen_at = now
        self._process.gauges = [[*key, value] for key, value in _gauges().items()]
        with transaction.atomic():
            ProcessTotal.objects.add({key: more for key, more in growth.items() if more})
            self._process.save()
            LiveProcess.objects.forgettable(now).delete()
        self._aggregated = counted

    def _run(self) -> None:
        """Keep running while the database is down: counts are added later."""
        while True:
            ending = self._ended.is_set()
            try:
                self.aggregate()
                if ending:
                    self._process.delete()
            except Error as error:
                logger.info("The counts of this process stay here for now: %s.", type(error).__name__)
            finally:
                connection.close()
            if ending:
                return
            self._ended.wait(EVERY_SECONDS)


def _totals() -> dict[Key, float]:
    """Current values of all samples of counters and histograms."""
    return {
        key_of(sample): sample.value
        for metric, sample in _samples()
        if metric.type != "gauge" and not sample.name.endswith(CREATED)
    }


def _gauges() -> dict[Key, float]:
    return {key_of(sample): sample.value for metric, sample in _samples() if metric.type == "gauge"}


def _samples() -> Iterator[tuple[Metric, Sample]]:
    return ((metric, sample) for metric in REGISTRY.collect() for sample in metric.samples)


def key_of(sample: Sample) -> Key:
    """Name and labels of a sample in the form of the database."""
    return sample.name, json.dumps(sample.labels, sort_keys=True)


class _Process:
    """Holder of this process's aggregator, if it was started."""

    aggregator: Aggregator | None = None


def start(kind: str) -> None:
    """Start aggregation in this process; idempotent."""
    if _Process.aggregator is None:
        _Process.aggregator = Aggregator(kind)
        _Process.aggregator.start()


def stop() -> None:
    """Store what is left and stop."""
    aggregator, _Process.aggregator = _Process.aggregator, None
    if aggregator is not None:
        aggregator.stop()
