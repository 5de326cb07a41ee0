"""How long CAs take and what comes of it, counted in the memory of this process.

identity_manager.metrics carries the counts of all processes together. TRACE is where a tracer, if one is
set up, opens a span around each call; it is told the CA, the call and what came of it, and nothing else.
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

Note = Callable[[str, str], None]  # takes the name and the value of something worth noting in a span
Headers = Mapping[str, str]  # what a message carries along, so that what it leads to belongs to this trace
OpenSpan = Callable[[str, Mapping[str, str], Headers | None], AbstractContextManager[Note]]

REGISTRY = CollectorRegistry()
PREFIX = "identity_manager_"
LABELS: dict[str, tuple[str, ...]] = {}  # of each metric of the registry, by its name


def counter(name: str, text: str, *labels: str) -> Counter:
    """A counter of this process. Labels are of closed sets: nothing of a person, no identifier."""
    LABELS[PREFIX + name] = labels
    return Counter(PREFIX + name, text, labels, registry=REGISTRY)


def histogram(name: str, text: str, *labels: str, buckets: Sequence[float]) -> Histogram:
    """A histogram of this process, in seconds."""
    LABELS[PREFIX + name] = labels
    return Histogram(PREFIX + name, text, labels, registry=REGISTRY, buckets=buckets)


CA_SECONDS = histogram(
    "ca_call_seconds",
    "How long a certificate authority took to answer, by call and outcome; its count is the number of calls. "
    "Outcome fault: a passing one; unknown: nobody knows whether it has issued.",
    "ca",
    "call",
    "outcome",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


def no_span(
    _name: str, _labels: Mapping[str, str], _parent: Headers | None = None
) -> AbstractContextManager[Note]:
    """What opens a span where no tracer is set up."""
    return nullcontext(lambda _name, _value: None)


@dataclass
class Tracing:
    """What opens spans in this process, each with its name, its labels and the headers of what led to it."""

    span: OpenSpan = no_span
    headers: Callable[[], dict[str, str]] = dict


TRACE = Tracing()


@dataclass
class Call:
    """A call at a CA that is under way. Who makes it sets the outcome."""

    outcome: str = "error"


@contextmanager
def ca_call(ca: str, name: str) -> Iterator[Call]:
    """Measure one call at a CA. A CaError is its outcome, and goes on."""
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
    """Size and use of the key pool of this process."""

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
