"""Whether a token takes the database longer where a million requests are stored than where there are 1,000.

    python -m tests.performance.growth --rows 1000000 --tokens 40 --out FILE

The time that a token spends in the database, from Accept to the mail that is queued, statement by statement
and with the commits; what happens in between is not counted. Tokens are taken in turns from an installation
with all rows and from one with 1,000. Each is a process of its own, which answers line by line.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django

from tests.performance import place

FEW = 1_000
TYPE = "vpn"
TURN = 5  # tokens in a row


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--tokens", type=int, default=0, help="without them: answer on lines of the input")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if not options.tokens:
        answer(options.rows)
        return
    sides = {"few": _side(FEW, environment_of_few()), "many": _side(options.rows, dict(os.environ))}
    try:
        for side in sides.values():
            asked(side, TURN)  # the first ones warm up
        report: dict[str, list[float]] = {"few": [], "many": []}
        while len(report["few"]) < options.tokens:
            for name, side in sides.items():
                report[name] += asked(side, TURN)
    finally:
        for side in sides.values():
            side.terminate()
            side.wait()
    options.out.write_text(json.dumps({**report, "rows": options.rows}), encoding="utf-8")


def environment_of_few() -> dict[str, str]:
    """An installation beside ours, on the same engine."""
    directory = Path(os.environ["VAR_DIR"]).with_name(f"few-{_engine()}")
    url = os.environ.get("DATABASE_URL", "")
    more = {"DATABASE_URL": place.database_of_ones_own(url, "bench_few")} if url else {}
    return place.environment(directory, **more)


def _engine() -> str:
    return "postgresql" if os.environ.get("DATABASE_URL") else "sqlite"


def _side(rows: int, environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.performance.growth", "--rows", str(rows)],
        env=environment,
        cwd=place.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def asked(side: "subprocess.Popen[str]", number: int) -> list[float]:
    """Milliseconds in the database of each of so many tokens."""
    assert side.stdin is not None
    assert side.stdout is not None
    side.stdin.write(f"{number}\n")
    side.stdin.flush()
    milliseconds: list[float] = json.loads(side.stdout.readline())
    return milliseconds


def answer(rows: int) -> None:
    django.setup()
    from identity_manager import queue
    from identity_manager.management.preparation import prepare
    from tests.performance import stock

    prepare()
    stock.fill(rows)
    queue.publish = lambda *_: None  # type: ignore[assignment]  # each step is called here, one after the other
    waiting = _waiting()
    for line in sys.stdin:
        said = [_through(next(waiting)) for _ in range(int(line))]
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def _waiting() -> Iterator[Any]:
    """Requests of persons who were never asked for anything, each made when it is wanted."""
    from identity_manager.models import Person, PersonState
    from tests.performance import templates

    number = Person.objects.filter(personnel_number__startswith="G").count()
    while True:
        number += 1
        person = Person(
            personnel_number=f"G{number:07}",
            given_name="Grow",
            surname=f"Th{number}",
            display_name=f"Grow Th{number}",
            email=f"grow{number}@example.com",
            upn=f"grow{number}@corp.example.com",
            sid=f"S-1-5-21-8-8-8-{number}",
            state=PersonState.ACTIVE,
        )
        person.save()
        yield templates.enabled(person, TYPE)


def _through(request: Any) -> float:
    from tests.tools import cast

    texts = Watch()
    with texts.watching():
        done = cast.issued(cast.accepted(request))
    if done.state != "issued":
        raise RuntimeError(f"{done} is {done.state}")
    return texts.seconds * 1000


class Watch:
    """Adds up what statements and commits take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            self.seconds += time.perf_counter() - began

    @contextmanager
    def watching(self) -> Iterator[None]:
        from django.db import connection

        commit = connection._commit

        def watched() -> None:
            began = time.perf_counter()
            commit()
            self.seconds += time.perf_counter() - began

        connection._commit = watched  # type: ignore[method-assign]  # a watch for a while
        try:
            with connection.execute_wrapper(self):
                yield
        finally:
            connection._commit = commit  # type: ignore[method-assign]  # as it was


if __name__ == "__main__":
    main()
