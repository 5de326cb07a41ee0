"""A company of 10,000,000 persons whose tokens are renewed 1,000,000 a day, simulated with measured times.

    python -m tests.performance.simulation [--ca 2.0]

A token waits for a worker process, takes its processor time, keeps the process while the CA answers, and
takes the database server's processor time; then its mail waits for one of the processes that send. Times are
those of `make bench` (token_worker_ms, token_database_ms, openbao_per_s); they are spread exponentially, and
acceptances arrive as a Poisson process whose rate follows the hours of a day: the busiest hour is what is
simulated. The engine is simpy. What the answer needs is printed as the smallest installation that holds the
goal: 95 of 100 tokens are there within WITHIN seconds of **Accept**.
"""

import argparse
import random
import sys
from collections.abc import Generator
from dataclasses import asdict, dataclass, replace
from typing import Any

import simpy

from tests.performance.timing import percentile

WITHIN = 10.0  # seconds
BUSIEST_HOUR = 0.16  # of a day's acceptances: of ten hours, one in the morning has most
MOST_BUSY = 0.85  # a resource that works more has no reserve for an hour after an outage
SEED = 20261129


@dataclass(frozen=True)
class Times:
    """Measured seconds for one token. ca: how long the CA takes; mail: how long the mail server takes."""

    worker: float = 0.040
    database: float = 0.008
    ca: float = 0.150
    mail: float = 0.120


@dataclass(frozen=True)
class Installation:
    """How many worker processes (queue ca), cores of the database server, calls that the CA takes at once."""

    workers: int
    database_cores: int
    ca_calls: int
    senders: int


@dataclass(frozen=True)
class Result:
    """What an hour did. busy: the share of its time that each resource works."""

    tokens: int
    per_second: float
    p50: float
    p95: float
    busy: dict[str, float]

    @property
    def holds(self) -> bool:
        return self.p95 <= WITHIN and max(self.busy.values()) <= MOST_BUSY


class Hour:
    """One simulated hour of an installation."""

    def __init__(self, installation: Installation, times: Times, per_second: float) -> None:
        self._times, self._per_second = times, per_second
        self._random = random.Random(SEED)  # noqa: S311 a simulation
        self._engine = simpy.Environment()
        self._pools = {
            name: simpy.Resource(self._engine, capacity=capacity)
            for name, capacity in asdict(installation).items()
        }
        self._worked = dict.fromkeys(self._pools, 0.0)
        self._waits: list[float] = []

    def result(self, seconds: float) -> Result:
        """Run it. Tokens that are not ready at the end have waited until then."""
        waiting = self._arrivals(seconds)
        self._engine.process(waiting)
        self._engine.run(until=seconds)
        busy = {name: self._worked[name] / (pool.capacity * seconds) for name, pool in self._pools.items()}
        return Result(
            len(self._waits),
            self._per_second,
            percentile(self._waits, 50),
            percentile(self._waits, 95),
            busy,
        )

    def _arrivals(self, seconds: float) -> Generator[simpy.Event]:
        while True:
            yield self._engine.timeout(self._random.expovariate(self._per_second))
            self._engine.process(self._token(seconds))

    def _token(self, end: float) -> Generator[simpy.Event, Any]:
        place, began = len(self._waits), self._engine.now
        self._waits.append(end - began)
        with self._pools["workers"].request() as worker:
            yield worker
            taken_at = self._engine.now
            yield self._engine.timeout(self._of(self._times.worker))
            yield from self._used("ca_calls", self._times.ca)
            yield from self._used("database_cores", self._times.database)
            self._worked["workers"] += self._engine.now - taken_at
        self._waits[place] = self._engine.now - began
        yield from self._used("senders", self._times.mail)

    def _used(self, name: str, mean: float) -> Generator[simpy.Event, Any]:
        with self._pools[name].request() as place:
            yield place
            seconds = self._of(mean)
            yield self._engine.timeout(seconds)
            self._worked[name] += seconds

    def _of(self, mean: float) -> float:
        return self._random.expovariate(1 / mean)


def smallest(times: Times, per_second: float, seconds: float) -> tuple[Installation, Result]:
    """The installation that holds, none of which can lack: the busiest grows until it does, each shrinks."""
    loads = _load(times, per_second)
    installation = Installation(**{name: max(1, int(load)) for name, load in loads.items()})
    result = Hour(installation, times, per_second).result(seconds)
    while not result.holds:
        busiest = max(result.busy, key=lambda each: result.busy[each])
        installation = _with(installation, busiest, 1)
        result = Hour(installation, times, per_second).result(seconds)
    for name in asdict(installation):
        while (fewer := _with(installation, name, -1)) and getattr(fewer, name):
            tried = Hour(fewer, times, per_second).result(seconds)
            if not tried.holds:
                break
            installation, result = fewer, tried
    return installation, result


def _with(installation: Installation, name: str, more: int) -> Installation:
    return replace(installation, **{name: getattr(installation, name) + more})


def _load(times: Times, per_second: float) -> dict[str, float]:
    """Erlangs: how many of each are busy on average, so the fewest that can do it at all."""
    return {
        "workers": per_second * (times.worker + times.ca + times.database),
        "database_cores": per_second * times.database,
        "ca_calls": per_second * times.ca,
        "senders": per_second * times.mail,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, value in asdict(Times()).items():
        parser.add_argument(f"--{name}", type=float, default=value, help="seconds")
    parser.add_argument("--seconds", type=float, default=1800, help="of the busiest hour")
    given = parser.parse_args()
    times = Times(given.worker, given.database, given.ca, given.mail)
    sys.stdout.write("     a day  a second  workers  db cores  CA calls  senders   p95 s\n")
    for per_day in (100_000, 300_000, 1_000_000):
        per_second = per_day * BUSIEST_HOUR / 3600
        needed, result = smallest(times, per_second, given.seconds)
        sys.stdout.write(
            f"{per_day:>10,} {per_second:>9.1f} {needed.workers:>8} {needed.database_cores:>9}"
            f" {needed.ca_calls:>9} {needed.senders:>8} {result.p95:>7.2f}\n"
        )


if __name__ == "__main__":
    main()
