"""The simulation of large installations agrees with queueing theory where theory has an answer."""

import math
from dataclasses import replace

import pytest

from tests.performance.simulation import Hour, Installation, Times, smallest

pytestmark = pytest.mark.nightly
NOTHING = 1e-9


def test_one_worker_is_an_m_m_1_queue() -> None:
    """Response times of M/M/1 are exponential with the mean 1 / (service rate - arrival rate)."""
    times = Times(worker=0.1, database=NOTHING, ca=NOTHING, mail=NOTHING)
    result = Hour(Installation(1, 1, 1, 1), times, per_second=8).result(3000)

    mean = 1 / (10 - 8)
    assert result.p50 == pytest.approx(mean * math.log(2), rel=0.15)
    assert result.p95 == pytest.approx(mean * math.log(20), rel=0.15)
    assert result.busy["workers"] == pytest.approx(0.8, rel=0.05)
    assert result.tokens == pytest.approx(8 * 3000, rel=0.02)


def test_the_smallest_installation_holds_and_one_worker_fewer_does_not() -> None:
    installation, result = smallest(Times(), per_second=10, seconds=120)

    assert result.holds
    fewer = replace(installation, workers=installation.workers - 1)
    assert not Hour(fewer, Times(), per_second=10).result(120).holds


def test_a_slow_ca_is_what_lacks() -> None:
    _installation, result = smallest(Times(ca=2.0), per_second=5, seconds=120)
    assert max(result.busy, key=lambda each: result.busy[each]) in ("ca_calls", "workers")
