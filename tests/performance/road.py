"""Tokens through the whole road, and through the bare loop, on the same cores, over the same recorded keys.

The road is real: requests that wait for their acceptance are accepted by the verb, worker processes of
Celery take their tasks from a real broker, on a real database. It ends when the mail of each token is
queued; mails are not sent. With n worker processes everything (workers, broker, database, and who accepts)
has n cores, and so have the n processes of the bare loop. Rounds with one, two ... processes follow each
other, in each blocks of either side in turns, about eight seconds long, so that what else the machine does
meets all; one process has another core in each round.

BROKER_URL names a broker that is there already.
"""

from itertools import islice
from statistics import median
from typing import Any

from ca_bridge.contract import KeyAlgorithm
from tests.performance import crowd, people, processes, recorded
from tests.performance.road_run import Compared, Run

TYPES = {"ec-p256": "vpn", "rsa-3072": "authentication"}  # without approval, one certificate each
WARM_UP = 6  # tokens for each process, so that all have loaded what they need
ROUNDS = 3
BLOCK = 120  # tokens for each process; in shorter bursts the small groups of start and end weigh more


def measured(plan: dict[str, list[int]]) -> dict[str, Any]:
    """plan: for each algorithm, how many tokens with one worker process, with two, and so on."""
    available = max(1, len(processes.cores()))
    plan = {name: numbers[:available] for name, numbers in plan.items()}
    totals = {name: sum(n) + ROUNDS * WARM_UP * sum(range(1, len(n) + 1)) for name, n in plan.items()}
    crowd.fill(2 * sum(totals.values()) + 100)  # not everybody of the crowd is an active employee
    waiting = requests(totals)
    runs = [
        Compared(name, number, tokens) for name, each in plan.items() for number, tokens in enumerate(each, 1)
    ]
    memory = 0.0
    for turn in range(ROUNDS):
        for number in sorted({each.processes for each in runs}):
            with Run(number, waiting, tokens_to_warm_up=WARM_UP * number, first_core=turn) as run:
                for each in (each for each in runs if each.processes == number):
                    run.warm_up(each.algorithm)
                    for tokens in blocks(each.tokens, number)[turn::ROUNDS]:
                        run.compare(each, tokens=tokens)
                memory = max(memory, run.worker_memory_mb())
    reports = [each.report() for each in runs]
    return {
        "figures": {**figures(reports), "memory_worker_mb": memory},
        "cores": available,
        "runs": reports,
    }


def figures(runs: list[dict[str, Any]]) -> dict[str, float]:
    """Of each algorithm the run with one process comes first."""
    p256, rsa = ([run for run in runs if run["algorithm"] == name] for name in TYPES)
    road, bare = p256[0]["road"], p256[0]["bare"]
    database = 1000 * road["database_cpu"] / road["tokens"]
    found = {
        "p256_ratio": ratio(p256[0]),
        "rsa3072_ratio": ratio(rsa[0]),
        "road_per_s": rate(road),
        "bare_per_s": rate(bare),
        "road_overhead_ms": cpu_ms(road) - cpu_ms(bare),
        "token_database_ms": database,
        "token_worker_ms": cpu_ms(road) - database,
    }
    if len(p256) > 1:
        found["two_workers_ratio"] = ratio(p256[1]) / ratio(p256[0])
    return found


def ratio(run: dict[str, Any]) -> float:
    """The road's tokens a second over those of the bare loop: the median of the blocks, so that a second in
    which the machine did something else, which lengthens one side of one block, does not count.
    """
    return median(run["ratios"])


def rate(side: dict[str, float]) -> float:
    """Tokens a second."""
    return side["tokens"] / side["seconds"]


def cpu_ms(side: dict[str, float]) -> float:
    """Milliseconds of processors for each token."""
    return 1000 * side["cpu"] / side["tokens"]


def blocks(tokens: int, number: int) -> list[int]:
    """So many tokens with so many processes, in blocks of BLOCK for each process, at least one a round."""
    count = ROUNDS * max(1, tokens // (ROUNDS * BLOCK * number))
    return [tokens // count + (place < tokens % count) for place in range(count)]


def requests(totals: dict[str, int]) -> dict[str, list[Any]]:
    """For each algorithm so many requests that wait for acceptance, and as many keys on the list."""
    persons = people.employees().iterator()
    for algorithm, number in totals.items():
        recorded.record(KeyAlgorithm(algorithm), number)
    return {
        name: [people.enabled(person, TYPES[name]) for person in islice(persons, number)]
        for name, number in totals.items()
    }
