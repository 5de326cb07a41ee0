"""Timers and percentiles of the benchmarks."""

import math
import time
from collections.abc import Callable, Mapping, Sequence


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


def in_turns(
    works: Mapping[str, Callable[[], object]], *, warm_up: int, rounds: int
) -> dict[str, list[float]]:
    """The same of each of these works in each round, one after the other; those that warm up do not count."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _round in range(warm_up + rounds):
        for name, work in works.items():
            taken[name].append(cpu_ms_of(work))
    return {name: samples[warm_up:] for name, samples in taken.items()}


def percentile(samples: Sequence[float], share: int) -> float:
    """The nearest rank: a value that was measured."""
    return sorted(samples)[max(0, math.ceil(len(samples) * share / 100) - 1)]
