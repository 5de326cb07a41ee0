"""Carries what this process has counted to the database, every few seconds, in a thread of its own.

So a worker needs no port of its own to be asked, and a process that has ended is not forgotten
(docs/decisions has why). What a process that is killed has counted in its last seconds is lost.
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
CREATED = "_created"  # samples that say since when; a sum over processes has no such time

logger = logging.getLogger(__name__)


class Aggregator:
    """What this process has counted since it was made, and how much of that stands in the database."""

    def __init__(self, kind: str) -> None:
        self._process = LiveProcess(kind=kind, host=socket.gethostname()[:100])
        self._carried = _totals()  # a fork begins with the counts of its parent, who carries them
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Carry from now on, first at once: who waits for this process sees it."""
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Carry what is left, and say that this process is gone."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def carry(self) -> None:
        """Add the growth since the last time to the totals, and say that this process lives."""
        counted = _totals()
        growth = {key: value - self._carried.get(key, 0) for key, value in counted.items()}
        now, self._process.clock_ahead = clocks.read()
        self._process.seen_at = now
        self._process.gauges = [[*key, value] for key, value in _gauges().items()]
        with transaction.atomic():
            ProcessTotal.objects.add({key: more for key, more in growth.items() if more})
            self._process.save()
            LiveProcess.objects.forgettable(now).delete()
        self._carried = counted

    def _run(self) -> None:
        """A database that is away for a while is no reason to end: nothing is lost but time."""
        while True:
            ending = self._ended.is_set()
            try:
                self.carry()
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
    """Each sample that only grows: of counters and histograms."""
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
    """The sample's name and labels as the database has them."""
    return sample.name, json.dumps(sample.labels, sort_keys=True)


class _Process:
    """The carrier of this process, where there is one."""

    carrier: Aggregator | None = None


def start(kind: str) -> None:
    """Begin to carry in this process; again does nothing."""
    if _Process.carrier is None:
        _Process.carrier = Aggregator(kind)
        _Process.carrier.start()


def stop() -> None:
    """Carry what is left, and end."""
    carrier, _Process.carrier = _Process.carrier, None
    if carrier is not None:
        carrier.stop()
