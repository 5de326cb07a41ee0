"""One run of the road with so many worker processes, beside as many processes of the bare loop."""

import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from django.db import connection
from django.utils import timezone

from ca_bridge.contract import KeyAlgorithm
from identity_manager.models import OutgoingMail, SoftwareToken, TokenRequest
from tests.performance import bare, part, people, processes, recorded

PATIENCE_SECONDS = 60
LOOK_SECONDS = 0.5  # each look is a query, which would count as work of the road
WORKER = "tests.performance.recorded_worker"


@dataclass
class Side:
    """So many tokens of one side, with seconds of a clock and of processors; of these, the database's."""

    tokens: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    database_cpu: float = 0.0

    def add(self, block: "Side") -> None:
        self.tokens += block.tokens
        self.seconds += block.seconds
        self.cpu += block.cpu
        self.database_cpu += block.database_cpu


@dataclass
class Compared:
    """Both sides with so many processes, of all rounds. tokens: how many there are to be in the end.
    ratios: for each block, the road's tokens a second over those of the loop beside it.
    """

    algorithm: str
    processes: int
    tokens: int
    road: Side = field(default_factory=Side)
    bare: Side = field(default_factory=Side)
    ratios: list[float] = field(default_factory=list)

    def add(self, road: Side, bare: Side) -> None:
        """A block of either side, of as many tokens."""
        self.road.add(road)
        self.bare.add(bare)
        self.ratios.append(bare.seconds / road.seconds)

    def report(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "tokens"}


class Run:
    """So many worker processes on as many cores. waiting: the requests, which are taken from the front."""

    def __init__(
        self, number: int, waiting: dict[str, list[TokenRequest]], *, tokens_to_warm_up: int, first_core: int
    ) -> None:
        self.number = number
        self._first_core = first_core
        self._waiting = waiting
        self._tokens_to_warm_up = tokens_to_warm_up
        self._directory = Path(os.environ["VAR_DIR"])
        self._loops: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        self._all_cores = processes.cores()
        first = self._first_core % max(1, len(self._all_cores))
        self._cores = [*self._all_cores[first:], *self._all_cores[:first]][: self.number]
        self._server = _database_server()
        processes.pin(self._everything(), self._cores)
        contents = self._directory / "contents.json"
        contents.write_text(json.dumps({name: _contents(rows) for name, rows in self._waiting.items()}))
        log = self._directory / "worker.log"
        self._worker = processes.worker(log, queue="ca", number=self.number, app=WORKER)
        self._loops = [_loop(contents) for _ in range(self.number)]
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._worker, *self._loops):
            processes.stop(process)
        processes.pin(self._everything(), self._all_cores)

    def warm_up(self, algorithm: str) -> None:
        """A block of either side that does not count."""
        self._block(algorithm, self._tokens_to_warm_up)

    def compare(self, both: Compared, *, tokens: int) -> None:
        """Add a block of either side, over the same keys."""
        if tokens:
            both.add(*self._block(both.algorithm, tokens))

    def _block(self, algorithm: str, size: int) -> tuple[Side, Side]:
        turn = recorded.turn_of(self._directory, KeyAlgorithm(algorithm))
        start = _DRAWN.get(algorithm, 0)
        rows = self._waiting[algorithm][:size]
        del self._waiting[algorithm][:size]
        turn.set(start)
        road = Side(size, *self._through_the_road(rows))
        turn.set(start)
        bare = Side(size, *self._through_the_loop(algorithm, start + size))
        _DRAWN[algorithm] = start + size
        return road, bare

    def _through_the_road(self, rows: list[TokenRequest]) -> tuple[float, float, float]:
        texts = {request.pk: people.texts_of(request) for request in rows}
        database, cpu, began = self._database_cpu(), self._cpu(), timezone.now()
        for request in rows:
            people.accept(request, texts[request.pk])
        ended = self._end_of(rows)
        return (ended - began).total_seconds(), self._cpu() - cpu, self._database_cpu() - database

    def _end_of(self, rows: list[TokenRequest]) -> Any:
        """When the last of their delivery mails was queued."""
        mails = OutgoingMail.objects.filter(request__in=[row.pk for row in rows], message="delivery")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while mails.count() < len(rows):
            if self._worker.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{mails.count()} of {len(rows)} tokens came through; see worker.log")
            time.sleep(LOOK_SECONDS)
        return mails.order_by("-created_at").values_list("created_at", flat=True)[0]

    def _cpu(self) -> float:
        """Of all that the road is made of: who accepts, workers, broker, and the database's server."""
        return processes.cpu_seconds({*self._everything()} - {process.pid for process in self._loops})

    def _database_cpu(self) -> float:
        return processes.cpu_seconds(self._servers())

    def _servers(self) -> list[int]:
        return processes.family(self._server) if self._server else []

    def _everything(self) -> list[int]:
        """What bench.py has started (broker, workers, loops, ourselves), and the database's server."""
        return [*processes.family(os.getppid()), *self._servers()]

    def _through_the_loop(self, algorithm: str, end: int) -> tuple[float, float]:
        began = time.perf_counter()
        for process in self._loops:
            part.tell(process, f"{algorithm} {end}")
        answers = [json.loads(part.heard(process)) for process in self._loops]
        return time.perf_counter() - began, sum(answer["cpu"] for answer in answers)

    def worker_memory_mb(self) -> float:
        """The most that a process which carries tasks out has had."""
        family = processes.family(self._worker.pid)
        return max(map(processes.peak_memory_mb, family[1:] or family))


# How many keys of each list are drawn already, in this installation.
_DRAWN: dict[str, int] = {}


def _database_server() -> int:
    """The process that started the one that serves us; 0 where the database is a file."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    return processes.parent(backend)


def _contents(rows: list[TokenRequest]) -> list[dict[str, Any]]:
    tokens = SoftwareToken.objects.filter(request__in=[row.pk for row in rows[:100]])
    return [
        {
            "content": snapshot["certificates"][0]["content"],
            "validity_days": snapshot["validity_days"],
            "name": snapshot["person"]["display_name"],
        }
        for snapshot in tokens.values_list("snapshot", flat=True)
    ]


def _loop(contents: Path) -> "subprocess.Popen[str]":
    process = part.started("bare.answer", "--have", part.NOTHING, contents=str(contents))
    if part.heard(process) != bare.READY:
        raise RuntimeError("The bare loop did not start.")
    return process
