"""Processes and database are started anew under load: nobody's page fails, and no work is lost."""

import http.client
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.cluster.cluster import (
    BEAT,
    STOP_SECONDS,
    Process,
    broker,
    installation,
    postgres,
    prepared,
    worker,
)
from tests.tools.running import free_port, status

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
PAGE = "/account/login/"
VISITORS = 3
LET_IN_SECONDS = 1
BREATH_SECONDS = 0.05  # else the visitors take the processors from those who restart


@dataclass
class Balancer:
    """What stands before two web processes: whom it cannot reach, it passes by; what breaks off is lost.

    leaving: those of which it was told that they go, as the chart's preStop has it learn: they get no new
    visitors. Who had not been let in yet would lose the connection with the socket, whoever serves there.
    """

    ports: list[int]
    leaving: set[int] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    ending: threading.Event = field(default_factory=threading.Event)

    def visit(self) -> None:
        """Ask for page after page, of each in turn."""
        turn = 0
        while not self.ending.is_set():
            turn += 1
            self.answers[self._page(self.ports[turn % 2], self.ports[(turn + 1) % 2])] += 1
            self.ending.wait(BREATH_SECONDS)

    def _page(self, *ports: int) -> str:
        for port in (each for each in ports if each not in self.leaving):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                connection.connect()
            except ConnectionRefusedError:
                continue
            try:
                connection.request("GET", PAGE, headers={"Host": "localhost"})
                response = connection.getresponse()
                return str(response.status) if response.read() else "empty"
            except (OSError, http.client.HTTPException) as error:
                return f"{type(error).__name__}: {error}"
            finally:
                connection.close()
        return "nobody serves"

    @contextmanager
    def without(self, port: int) -> Iterator[None]:
        """Nobody new is sent there, and who was has been let in."""
        self.leaving.add(port)
        time.sleep(LET_IN_SECONDS)
        yield
        self.leaving.discard(port)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Visitors come all the time."""
        threads = [threading.Thread(target=self.visit) for _ in range(VISITORS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.ending.set()
            for thread in threads:
                thread.join(timeout=60)


def end(process: Process) -> None:
    """As an orchestrator does: SIGTERM, and then it has its time."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=STOP_SECONDS) == 0


@pytest.mark.nightly
def test_a_rolling_restart_fails_no_page_and_loses_no_work() -> None:
    with installation("postgresql", "valkey", pages=True) as cluster:
        ports = [free_port(), free_port()]
        web = [cluster.web(port) for port in ports]
        workers = [cluster.ready_worker("prefork", 1), cluster.ready_worker("threads", 2)]
        cluster.start(*BEAT)
        balancer = Balancer(ports)
        with balancer.busy():
            cluster.do("order", numbers=list(range(4)))
            web[0].send_signal(signal.SIGHUP)
            for number, port in enumerate(ports):
                end(workers[number])
                workers[number] = cluster.ready_worker("threads", 2)
                with balancer.without(port):
                    end(web[number])
                    web[number] = cluster.web(port)
                first = 4 * (number + 1)
                cluster.do("order", numbers=list(range(first, first + 4)))
            standing = cluster.do("finished", number=12)
        assert set(balancer.answers) == {"200"}, balancer.answers
        assert balancer.answers["200"] > 100
        assert standing["tokens"] == {"sealed": 12}
        assert (standing["issued_by_ca"], standing["messages_twice"]) == (12, [])


def serves(port: int, times: int = 24) -> Counter[int]:
    """What so many pages answer: more than there are threads, so that each has asked its connection."""
    return Counter(status(port, PAGE) for _ in range(times))


@pytest.mark.nightly
def test_a_database_that_is_started_anew_is_found_again() -> None:
    with (
        broker("valkey") as broker_url,
        postgres() as server,
        prepared(server.url, broker_url, pages=True) as cluster,
    ):
        port = free_port()
        cluster.web(port)
        cluster.start(*worker("threads", 2))
        cluster.start(*worker("prefork", 1))
        cluster.start(*BEAT)
        cluster.do("order", numbers=[1, 2, 3])
        assert cluster.do("finished", number=3)["tokens"] == {"sealed": 3}
        assert serves(port) == {200: 24}
        server.restart()
        assert serves(port) == {200: 24}
        cluster.do("order", numbers=[4, 5, 6])
        assert cluster.do("finished", number=6)["tokens"] == {"sealed": 6}
