"""Prometheus exposition: the gauges from the database and the counters summed over all processes."""

import json
import time
from collections.abc import Iterable, Iterator

from django.db.models.functions import Now
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from ca_bridge.telemetry import LABELS, PREFIX, REGISTRY
from identity_manager.jobs import runner as jobs
from identity_manager.jobs import sweep
from identity_manager.metrics.figures import FIGURES
from identity_manager.metrics.scrape import Scrape
from identity_manager.models import LiveProcess, ProcessTotal
from identity_manager.models.operation.process_metrics import Key, furthest_off, gauges_of
from identity_manager.telemetry import instruments
from identity_manager.workflow import step7_deliver

# Importing registers them, also in a process that counts nothing.
INSTRUMENTS = instruments
SUFFIXES = ("_bucket", "_count", "_sum", "_total")
SECONDS = f"{PREFIX}scrape_seconds"
CLOCK = f"{PREFIX}clock_ahead_seconds"
CLOCK_HELP = (
    "Largest clock skew of a live process, in seconds ahead of the database's clock; negative: behind. "
    "Absent on SQLite, where the database is on the same machine."
)
SECONDS_HELP = "Duration of the scrape's database queries."


def exposition(accept: str) -> tuple[str, bytes]:
    """Content type and text, in the format that the Accept header asks for. Raises DatabaseError."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything())
    encode, content_type = choose_encoder(accept)
    return content_type, encode(registry)


def described() -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Name, type, help and labels of every metric, sorted by name."""
    figures = [(figure.name, "gauge", figure.help, figure.labels) for figure in FIGURES]
    counted = [
        (_public(metric), metric.type, metric.documentation, LABELS[metric.name])
        for metric in REGISTRY.collect()
    ]
    others = [(CLOCK, "gauge", CLOCK_HELP, ("kind",)), (SECONDS, "gauge", SECONDS_HELP, ())]
    return sorted([*figures, *counted, *others])


def _public(metric: Metric) -> str:
    """The exposed sample name; counters have a suffix."""
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


class _Everything(Collector):
    """Collector of one scrape."""

    def collect(self) -> Iterator[Metric]:
        started, scrape = time.perf_counter(), Scrape(timezone.now())
        for figure in FIGURES:
            family = GaugeMetricFamily(figure.name, figure.help, labels=figure.labels)
            for labels, value in figure.read(scrape):
                family.add_metric(labels, value)
            yield family
        totals = {(row.name, row.labels): row.value for row in ProcessTotal.objects.all()}
        alive = list(LiveProcess.objects.alive(Now()))
        yield from _counted(dict(_beginnings()) | totals | gauges_of(alive))
        yield _clocks(alive)
        yield GaugeMetricFamily(SECONDS, SECONDS_HELP, value=time.perf_counter() - started)


def _clocks(alive: Iterable[LiveProcess]) -> Metric:
    """The largest clock skew by kind of process; the doctor names the host."""
    worst = furthest_off((process.kind, process.clock_ahead) for process in alive)
    family = GaugeMetricFamily(CLOCK, CLOCK_HELP, labels=["kind"])
    for kind, ahead in sorted(worst.items()):
        family.add_metric([kind], ahead)
    return family


def _beginnings() -> Iterator[tuple[Key, float]]:
    """Zero samples for counters with alerts on growth: a series that begins at ten shows no growth."""
    yield (f"{PREFIX}publish_failures_total", "{}"), 0.0
    for outcome in step7_deliver.OUTCOMES:
        yield (f"{PREFIX}mail_outcomes_total", json.dumps({"outcome": outcome})), 0.0
    for task in (*sweep.WORK, jobs.RUN):
        yield (f"{PREFIX}task_failures_total", json.dumps({"task": task})), 0.0


def _counted(values: dict[Key, float]) -> Iterable[Metric]:
    """Stored totals as metric families of today's instruments, without removed instruments."""
    families = {
        metric.name: Metric(metric.name, metric.documentation, metric.type) for metric in REGISTRY.collect()
    }
    for (name, labels), value in sorted(values.items(), key=_in_order):
        family = families.get(name) or families.get(_family(name))
        if family is not None:
            family.add_sample(name, json.loads(labels), value)
    return families.values()


def _family(name: str) -> str:
    suffix = next((each for each in SUFFIXES if name.endswith(each)), "")
    return name.removesuffix(suffix)


def _in_order(item: tuple[Key, float]) -> tuple[str, str, float]:
    """Histogram buckets in the order of their bounds, as the format demands."""
    (name, labels), _value = item
    values = json.loads(labels)
    bound = float(values.pop("le", "inf"))
    return name, json.dumps(values), bound
