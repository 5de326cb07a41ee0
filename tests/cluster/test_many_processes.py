"""Two beats, several workers of both kinds: each job once a due time, each mail once, one certificate a line.

On PostgreSQL with Valkey (or Redis) and with RabbitMQ, and on SQLite, where one host serves all. Nightly the
first of them: the other two have its database and its broker, and test_restarts.py has both together.
"""

import pytest

from tests.cluster.cluster import BEAT, Cluster, installation, worker

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
TOKENS, RUNS = 8, 6


def start(cluster: Cluster) -> None:
    """Two hosts: each with a beat; workers with processes and with threads; one for bulk alone."""
    for host in ("one", "two"):
        cluster.start(*BEAT, "--schedule", str(cluster.directory / f"beat-{host}"))
    cluster.start(*worker("prefork", 2))
    cluster.start(*worker("threads", 3, "ca,mail"))
    cluster.start(*worker("threads", 1, "bulk"))


def expect_everything_once(cluster: Cluster, number: int) -> None:
    standing = cluster.do("finished", number=number, runs=RUNS)
    assert standing["tokens"] == {"sealed": number}, cluster.log()[-3000:]
    assert standing["requests"] == {"issued": number}
    assert standing["certificates"] == {"valid": number}
    assert standing["orders"] == {"issued": number}
    assert standing["issued_by_ca"] == number
    assert standing["messages"] == standing["mails"]["sent"]
    assert standing["messages_twice"] == []
    assert standing["runs"] >= RUNS
    assert standing["runs_twice"] == []
    assert all(process.poll() is None for process in cluster.processes), cluster.log()[-3000:]


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.nightly), "sqlite"])
def test_two_beats_and_several_workers(database: str) -> None:
    with installation(database, "valkey") as cluster:
        cluster.do("order", numbers=list(range(TOKENS // 2)))  # before anybody is there
        start(cluster)
        cluster.do("order", numbers=list(range(TOKENS // 2, TOKENS)))
        expect_everything_once(cluster, TOKENS)


@pytest.mark.nightly
@pytest.mark.needs_program("rabbitmq-server")
def test_the_same_with_rabbitmq() -> None:
    with installation("postgresql", "rabbitmq") as cluster:
        cluster.do("order", numbers=list(range(TOKENS // 2)))
        start(cluster)
        cluster.do("order", numbers=list(range(TOKENS // 2, TOKENS)))
        expect_everything_once(cluster, TOKENS)
