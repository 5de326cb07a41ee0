"""Prometheus metrics and tracing of CA calls, in the memory of this process.

identity_manager.metrics sums the counts of all processes. TRACE opens a span around each call, if a tracer is
installed; it gets CA, call and outcome, nothing else.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ca_bridge.errors import CaError
from ca_bridge.keys.pool import pool

Note = Callable[[str, str], None]  # sets an attribute of a span: name, value
Headers = Mapping[str, str]  # trace context of a message (W3C Trace Context)
OpenSpan = Callable[[str, Mapping[str, str], Headers | None], AbstractContextManager[Note]]

REGISTRY = CollectorRegistry()
PREFIX = "identity_manager_"
LABELS: dict[str, tuple[str, ...]] = {}  # by metric name


def counter(name: str, text: str, *labels: str) -> Counter:
    """A counter. Labels from closed sets: nothing personal, no identifier."""
    LABELS[PREFIX + name] = labels
    return Counter(PREFIX + name, text, labels, registry=REGISTRY)


def histogram(name: str, text: str, *labels: str, buckets: Sequence[float]) -> Histogram:
    """A histogram, in seconds."""
    LABELS[PREFIX + name] = labels
    return Histogram(PREFIX + name, text, labels, registry=REGISTRY, buckets=buckets)


CA_SECONDS = histogram(
    "ca_call_seconds",
    "How long a certificate authority took to answer, by call and outcome; its count is the number of calls. "
    "Outcome fault: a transient one; unknown: it may have issued or not.",
    "ca",
    "call",
    "outcome",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


def no_span(
    _name: str, _labels: Mapping[str, str], _parent: Headers | None = None
) -> AbstractContextManager[Note]:
    """Opens no span: no tracer is installed."""
    return nullcontext(lambda _name, _value: None)


@dataclass
class Tracing:
    """Opens spans: name, labels, trace context."""

    span: OpenSpan = no_span
    headers: Callable[[], dict[str, str]] = dict


TRACE = Tracing()


@dataclass
class Call:
    """A CA call in progress; the caller sets the outcome."""

    outcome: str = "error"


@contextmanager
def ca_call(ca: str, name: str) -> Iterator[Call]:
    """Measure one CA call; a CaError becomes its outcome and is re-raised."""
    call, started = Call(), time.perf_counter()
    with TRACE.span(f"CA {name}", {"ca": ca}, None) as note:
        try:
            yield call
        except CaError as error:
            call.outcome = "refused" if error.permanent else "fault"
            raise
        finally:
            CA_SECONDS.labels(ca, name, call.outcome).observe(time.perf_counter() - started)
            note("outcome", call.outcome)


class KeyPoolCollector(Collector):
    """Size and use of this process's key pool."""

    KEYS, TAKES = f"{PREFIX}key_pool_keys", f"{PREFIX}key_pool_takes"

    def collect(self) -> Iterable[Metric]:
        size = GaugeMetricFamily(
            self.KEYS,
            "RSA keys made in advance that lie in the memory of worker processes.",
            labels=LABELS[self.KEYS],
        )
        takes = CounterMetricFamily(
            self.TAKES,
            "Keys that were taken from the pool; found: ready, or made while somebody waited.",
            labels=LABELS[self.TAKES],
        )
        for algorithm, (ready, hits, misses) in pool.figures().items():
            size.add_metric([algorithm.value], ready)
            takes.add_metric([algorithm.value, "ready"], hits)
            takes.add_metric([algorithm.value, "made"], misses)
        return size, takes


LABELS |= {KeyPoolCollector.KEYS: ("algorithm",), KeyPoolCollector.TAKES: ("algorithm", "found")}
REGISTRY.register(KeyPoolCollector())
