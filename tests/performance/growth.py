"""Whether a token takes the database longer where a million requests are stored than where there are 1,000.

The time that a token spends in the database, from Accept to the mail that is queued, statement by statement
and with the commits; what happens in between is not counted. Tokens are taken in turns from an installation
with all rows and from one with 1,000. Each is a process of its own, which answers line by line.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from django.db import connection

from identity_manager import queue
from identity_manager.models import Person
from tests.performance import part, people, place, stock
from tests.performance.timing import percentile
from tests.tools import cast

FEW = 1_000
TYPE = "vpn"
TURN = 5  # tokens in a row


def measured(rows: int, tokens: int) -> dict[str, Any]:
    """Milliseconds in the database of each token, among few rows and among many, in turns."""
    sides = {
        "few": part.started("growth.answer", environment=environment_of_few(), rows=FEW),
        "many": part.started("growth.answer", rows=rows),
    }
    report: dict[str, Any] = {"few": [], "many": [], "rows": rows}
    try:
        for side in sides.values():
            asked(side, TURN)  # the first ones warm up
        while len(report["few"]) < tokens:
            for name, side in sides.items():
                report[name] += asked(side, TURN)
    finally:
        for side in sides.values():
            side.terminate()
            side.wait()
    ratio = percentile(report["many"], 50) / percentile(report["few"], 50)
    return {"figures": {"growth_ratio": ratio}, **report}


def environment_of_few() -> dict[str, str]:
    """An installation beside ours, on the same engine."""
    url = os.environ.get("DATABASE_URL", "")
    directory = Path(os.environ["VAR_DIR"]).with_name(f"few-{'postgresql' if url else 'sqlite'}")
    more = {"DATABASE_URL": place.database_of_ones_own(url, "bench_few")} if url else {}
    return place.environment(directory, **more)


def asked(side: "subprocess.Popen[str]", number: int) -> list[float]:
    """Milliseconds in the database of each of so many tokens."""
    part.tell(side, str(number))
    milliseconds: list[float] = json.loads(part.heard(side))
    return milliseconds


def answer(rows: int) -> None:
    """Read lines with a number, take so many tokens along the road, and write what each has taken."""
    stock.fill(rows)
    queue.publish = lambda *_: None  # type: ignore[assignment]  # each step is called here, one after the other
    waiting = _waiting()
    for line in sys.stdin:
        part.say(json.dumps([_through(next(waiting)) for _ in range(int(line))]))


def _waiting() -> Iterator[Any]:
    """Requests of persons who were never asked for anything, each made when it is wanted."""
    number = Person.objects.filter(personnel_number__startswith="P-grow").count()
    while True:
        number += 1
        person = cast.person(f"grow{number}", sid=f"S-1-5-21-8-8-8-{number}")
        yield people.enabled(person, TYPE)


def _through(request: Any) -> float:
    """Milliseconds that its statements and commits take."""
    seconds = 0.0

    def watched(work: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal seconds
        began = time.perf_counter()
        try:
            return work(*arguments)
        finally:
            seconds += time.perf_counter() - began

    commit = partial(watched, connection._commit)
    with mock.patch.object(connection, "_commit", commit), connection.execute_wrapper(watched):
        done = cast.issued(cast.accepted(request))
    if done.state != "issued":
        raise RuntimeError(f"{done} is {done.state}")
    return seconds * 1000
