"""How long the search takes at the server: whole pages, from the request to the last byte of the answer."""

import time
from typing import Any

from django.test import Client

from identity_manager.jobs import search_scans
from identity_manager.models import NameWord, Role
from tests.performance import browsers, people, stock
from tests.performance.query_mix import MIX
from tests.performance.timing import percentile

ROUNDS = 5
PAGE = "/search/"


def measured(persons: int) -> dict[str, Any]:
    """Fill the table where it is not, and time each query of the mix, the rounds one after the other."""
    began = time.perf_counter()
    stored = prepared(persons)
    made = time.perf_counter() - began
    browser = officer()
    rounds = [[timed(browser, asked) for _sort, asked in MIX] for _ in range(ROUNDS)]
    wall, cpu = zip(*(sample for samples in rounds for sample in samples), strict=True)
    return {
        "figures": {"search_p95_ms": percentile(wall, 95)},
        "persons": persons,
        "stock": stored,
        "words": NameWord.objects.count(),
        "made_seconds": round(made, 1),
        "wall": wall,
        "cpu": cpu,
        "queries": [
            {
                "sort": sort,
                "asked": asked,
                "wall": min(wall for wall, _ in tries),
                "cpu": min(cpu for _, cpu in tries),
            }
            for (sort, asked), *tries in zip(MIX, *rounds, strict=True)
        ],
    }


def prepared(persons: int) -> dict[str, int]:
    """The installation, and so many persons and requests in it; returns how many of each there are."""
    stored = stock.fill(persons)
    if not NameWord.objects.exists():
        while search_scans.learn_names():  # until a run finds no new word; one run ends after a minute
            pass
    return stored


def officer() -> Client:
    """A Software Token Administrator at a browser."""
    return browsers.client(people.named("officer", Role.TOKEN_ADMINISTRATOR))


def timed(browser: Any, asked: dict[str, str]) -> tuple[float, float]:
    """Milliseconds of one page, by the clock and of this process's own work."""
    wall, cpu = time.perf_counter(), time.process_time()
    response = browser.get(PAGE, {"kind": "employee", **asked})
    took = (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000
    if response.status_code != 200:
        raise RuntimeError(f"{asked}: {response.status_code}")
    return took
