"""Timers and percentiles of the benchmarks."""

import math
import time
from collections.abc import Callable, Sequence


def seconds_of(work: Callable[[], object]) -> float:
    """By the clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cpu_ms_of(work: Callable[[], object]) -> float:
    """Milliseconds that this process has worked."""
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


def percentile(samples: Sequence[float], share: int) -> float:
    """The nearest rank: a value that was measured."""
    return sorted(samples)[max(0, math.ceil(len(samples) * share / 100) - 1)]
