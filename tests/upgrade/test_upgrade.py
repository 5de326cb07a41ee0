"""The upgrade from each recorded release: its code goes on under the new schema, and ours with its work.

The old code walks the road with a web process, workers and a beat of its own while the new schema is migrated
under it. What it leaves (requests to decide and to accept, orders, sealed passphrases, queued mails, a token
on hold) the new code brings to its end, each once.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import BEAT, ROOT, Cluster, broker, database, prepared
from tests.tools.programs import in_ci
from tests.tools.running import free_port, status
from tests.upgrade.releases import FOLDER, Release, recorded

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]
NO_HISTORY = (
    "The history of this clone does not reach back to {0}: `git fetch --unshallow`, then run this again."
)
RUNS = [
    pytest.param(release, kind, id=f"{release.version}-{kind}")
    for release in recorded()
    for kind in ("postgresql", "sqlite")
]


@pytest.fixture
def old(request: pytest.FixtureRequest) -> Iterator[tuple[Release, Path]]:
    """A release and its code. Without the history, this fails under CI=true and is skipped elsewhere."""
    release: Release = request.param
    if not release.is_here:
        (pytest.fail if in_ci() else pytest.skip)(NO_HISTORY.format(release.commit))
    with release.checked_out() as code:
        yield release, code


@contextmanager
def orders_all_the_time(cluster: Cluster) -> Iterator[list[str]]:
    """One person after the other is enabled and accepts, until this ends; their requests."""
    ordered: list[str] = []
    failures: list[BaseException] = []
    ending = threading.Event()

    def order() -> None:
        try:
            while not ending.is_set():
                ordered.extend(cluster.do("order", numbers=[len(ordered)]))
        except BaseException as error:  # noqa: BLE001 raised below, in the thread of the test
            failures.append(error)

    thread = threading.Thread(target=order)
    thread.start()
    try:
        yield ordered
    finally:
        ending.set()
        thread.join(timeout=300)
        assert not failures, failures


def walk(cluster: Cluster, release: Release, function: str, **arguments: Any) -> Any:
    """Carry out a function of the release's program with the release's code."""
    program = str(FOLDER / release.program)
    return cluster.answer(program, function, json.dumps(arguments), PYTHONPATH=str(cluster.code))


def carry_on(cluster: Cluster, function: str, **arguments: Any) -> Any:
    """Carry out a function of carry_on.py with the present code."""
    return cluster.answer("-m", "tests.upgrade.carry_on", function, json.dumps(arguments))


def start(cluster: Cluster) -> int:
    """A web process, a worker and a beat; the port of the pages."""
    port = free_port()
    cluster.web(port)
    cluster.ready_worker("threads", 2)
    cluster.start(*BEAT, "--schedule", str(cluster.directory / f"beat-{port}"))
    return port


@pytest.mark.parametrize(("old", "kind"), RUNS, indirect=["old"])
def test_upgrade(old: tuple[Release, Path], kind: str) -> None:
    release, code = old
    with ExitStack() as stack:
        urls = stack.enter_context(database(kind)), stack.enter_context(broker("valkey"))
        before = stack.enter_context(prepared(*urls, pages=True, code=code))
        after = replace(before, code=ROOT, processes=[])
        before.gunicorn = release.gunicorn
        stack.callback(after.stop)
        ordered = the_schema_changes_under(before, after, release)
        left = walk(before, release, "leave")
        the_new_code_goes_on(after, left, ordered)


def the_schema_changes_under(before: Cluster, after: Cluster, release: Release) -> list[str]:
    """The old code is at work before, while and after the schema is migrated, and ends; its requests."""
    port = start(before)
    with orders_all_the_time(before) as ordered:
        before.wait_for(lambda: len(ordered) >= 1, "a first order")
        after.run("manage.py", "migrate", "--verbosity", "0")
        after.run("manage.py", "createcachetable")
        migrated = len(ordered)
        before.wait_for(lambda: len(ordered) > migrated + 1, "orders on the new schema")
        assert status(port) == HTTPStatus.OK
    assert set(walk(before, release, "pages").values()) == {HTTPStatus.OK}
    texts_go_to_and_fro(before, after, release)
    assert before.do("finished", number=len(ordered))["tokens"] == {"sealed": len(ordered)}
    before.stop()
    return ordered


def texts_go_to_and_fro(before: Cluster, after: Cluster, release: Release) -> None:
    """Each version writes names after the migration, and the other one reads them."""
    walk(before, release, "rename", name="House rules", name_de="Hausregeln")
    assert carry_on(after, "named") == {"en": "House rules", "de": "Hausregeln"}
    carry_on(after, "rename", texts={"en": "Rules", "de": "Regeln", "sv": "Regler"})
    assert walk(before, release, "named") == ["Rules", "Regeln"]
    walk(before, release, "rename", name="Terms", name_de="")
    assert carry_on(after, "named") == {"en": "Terms", "sv": "Regler"}


def the_new_code_goes_on(after: Cluster, left: dict[str, str], ordered: list[str]) -> None:
    """Each request comes to its end once; the passphrases open what the old code has sealed."""
    after.run("manage.py", "collectstatic", "--no-input", "--verbosity", "0")
    port = start(after)
    carry_on(after, "decide", requested=left["requested"], awaiting=left["awaiting"])
    carry_on(after, "reinstate", held=left["held"])
    expected = {left[name]: "active" for name in ("noted", "held")}
    to_note = [pk for name, pk in left.items() if pk not in expected] + ordered
    expected |= dict.fromkeys(to_note, "active")
    after.wait_for(lambda: carry_on(after, "waiting") == [], "the work that was left")
    # Two formats of one certificate, each with its key.
    assert carry_on(after, "open_all", requests=to_note) == dict.fromkeys(to_note, 2)
    assert carry_on(after, "states") == expected
    assert status(port) == HTTPStatus.OK
    standing = after.do("standing")
    assert standing["issued_by_ca"] == len(expected)
    assert set(standing["mails"]) == {"sent"}
    assert standing["messages_twice"] == []
    after.run("manage.py", "audit", "verify")  # ends with 0 where every event fits


def test_each_release_is_recorded_with_its_whole_commit() -> None:
    releases = recorded()
    assert all(len(each.commit) == 40 and (FOLDER / each.program).is_file() for each in releases)
    assert len({each.version for each in releases}) == len(releases)
