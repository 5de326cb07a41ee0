"""Lists on a real streaming replica: what it answers, that it lags, is away, or is promoted."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ca_bridge.database import read_replica
from ca_bridge.database.partitions import execute
from ca_bridge.database.read_replica import ReplicaFault, Watch
from identity_manager.console.lists import replica_pages
from identity_manager.console.reports import registry
from identity_manager.management.doctor import database
from identity_manager.models import Role
from tests.tools import cast, processes, standby
from tests.tools.sign_in import signed_in

# Without a second server: test_replica_pages.py, and tests/ca_bridge/database/test_read_replica.py.
pytestmark = [pytest.mark.nightly, pytest.mark.database]
# What may be asked of the primary on such a page: who somebody is, and what they may do.
OF_THE_PRIMARY = (
    *("django_session", "identity_manager_account", "identity_manager_roleassignment", "usersessions"),
    *("mfa_", "account_", "identity_manager_deputy", "identity_manager_approvergroup", "shared_cache"),
    *("pg_control_system", "BEGIN", "COMMIT"),
)


@pytest.fixture
def replica(
    transactional_db: None,
    postgresql_only: None,
    django_db_blocker: Any,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[standby.Standby]:
    """A standby of the test's server; a client that is made afterwards meets pages that know it."""
    monkeypatch.setattr(read_replica, "watch", Watch())
    monkeypatch.setattr(read_replica, "RETRY", 0.2)
    monkeypatch.setattr(read_replica, "EVERY", 0.1)
    monkeypatch.setattr(read_replica, "MAX_LAG", 1.0)
    with django_db_blocker.unblock(), standby.running() as server:
        described = {**connection.settings_dict, "HOST": server.socket}
        described["OPTIONS"] = {**described["OPTIONS"], "pool": False}
        monkeypatch.setitem(connections.databases, read_replica.ALIAS, described)
        settings.DATABASE_ROUTERS = ["identity_manager.config.database.router.ReplicaRouter"]
        if hasattr(connections._connections, read_replica.ALIAS):
            del connections[read_replica.ALIAS]  # made after another test's server had gone, with its address
        yield server
        connections[read_replica.ALIAS].close()
        del connections[read_replica.ALIAS]


def becomes(wanted: ReplicaFault) -> bool:
    """Whether that is what the watch says, sooner or later."""
    until = time.monotonic() + 60  # of a busy machine, on which a server begins
    while (said := read_replica.watch.trouble()) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    return said == wanted


def names(browser: Client) -> set[str]:
    """Whom SEARCH finds."""
    response = browser.get(reverse("console:search"), {"q": "person", "kind": "employee"})
    assert response.status_code == 200
    return {word for word in ("First", "Second", "Third", "Fourth") if word in response.text}


def another(name: str) -> None:
    cast.person(name.lower(), surname="Person", given_name=name)


def test_lists_read_a_replica_that_follows(replica: standby.Standby) -> None:
    """One server, and so one test: it is followed, lags, is cut off, comes back, and is promoted."""
    company = cast.Company()
    for role in (Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR, Role.REGISTRATION_OFFICER):
        company.ada.roles.create(role=role)
    browser = signed_in(company.ada)
    company.request_in("completed")
    another("First")
    assert becomes(ReplicaFault.NONE)
    _each_page_reads_it(browser)
    assert names(browser) == {"First"}

    replica.run("SELECT pg_wal_replay_pause()")
    another("Second")
    assert becomes(ReplicaFault.BEHIND)
    assert names(browser) == {"First", "Second"}, "the primary has it"
    assert [each.level for each in database.replica()] == ["warning"]
    replica.run("SELECT pg_wal_replay_resume()")
    assert becomes(ReplicaFault.NONE)

    replica.stop()
    another("Third")
    assert "Third" in names(browser)
    assert becomes(ReplicaFault.SILENT)
    assert [each.level for each in database.replica()] == ["failed"]
    replica.start()
    assert becomes(ReplicaFault.NONE)
    assert names(browser) == {"First", "Second", "Third"}

    replica.run("SELECT pg_promote()")
    assert becomes(ReplicaFault.NO_REPLICA)
    replica.run("UPDATE identity_manager_person SET display_name = 'Of the other server'")
    another("Fourth")
    found = browser.get(reverse("console:search"), {"q": "person", "kind": "employee"}).text
    assert "Fourth" in found
    assert "Of the other server" not in found
    assert [each.level for each in database.replica()] == ["failed"]


def test_after_a_failover_one_that_follows_the_old_primary_is_not_read(replica: standby.Standby) -> None:
    """It has replayed what the old primary wrote in vain: more than the new one has, and other things."""
    assert becomes(ReplicaFault.NONE)
    with standby.running() as new:
        new.run("SELECT pg_promote()")
        execute(connection, "SELECT pg_switch_wal()")  # the old one is ahead by a segment of its log
        another("InVain")
        assert becomes(ReplicaFault.NONE)
        with primary_at(new.socket):
            assert becomes(ReplicaFault.OTHER_TIMELINE)
            assert read_replica._replica_now().reached > read_replica._primary_now()[1].position, (
                "positions alone say nothing"
            )
            (said,) = database.replica()
            assert (said.level, "another timeline" in said.says) == ("failed", True)
            with standby.running() as follower, replica_at(follower.socket):
                assert becomes(ReplicaFault.NONE)


def test_a_role_without_rights_of_its_own_may_ask(replica: standby.Standby) -> None:
    """The queries of the watch need no right on functions or statistics."""
    execute(connection, "DROP ROLE IF EXISTS reader; CREATE ROLE reader")
    until, there = time.monotonic() + 10, "SELECT FROM pg_roles WHERE rolname = 'reader'"
    while not execute(connections[read_replica.ALIAS], there) and time.monotonic() < until:
        time.sleep(0.05)
    asked = {DEFAULT_DB_ALIAS: read_replica._PRIMARY, read_replica.ALIAS: read_replica._REPLICA}
    for alias, sql in asked.items():
        execute(connections[alias], "SET ROLE reader")
        (row,) = execute(connections[alias], sql)
        execute(connections[alias], "RESET ROLE")
        assert None not in row, alias
    execute(connection, "DROP ROLE reader")


@contextmanager
def primary_at(socket: str) -> Iterator[None]:
    """As if DATABASE_URL led there, as its address does after a failover."""
    before = connection.settings_dict["HOST"]
    processes.let_go()
    connection.settings_dict["HOST"] = socket
    try:
        yield
    finally:
        processes.let_go()
        connection.settings_dict["HOST"] = before


@contextmanager
def replica_at(socket: str) -> Iterator[None]:
    described = connections[read_replica.ALIAS].settings_dict
    before = described["HOST"]
    connections[read_replica.ALIAS].close()
    described["HOST"] = socket
    try:
        yield
    finally:
        connections[read_replica.ALIAS].close()
        described["HOST"] = before


def _each_page_reads_it(browser: Client) -> None:
    """Whatever it asks, also what no queryset asks, but for who the officer is."""
    for name in sorted(replica_pages.PAGES):
        arguments = [*registry.REPORTS] if name == "console:report" else [None]
        for argument in arguments:
            address = reverse(name, args=[argument] if argument else [])
            with ExitStack() as stack:
                of_primary, of_replica = (
                    stack.enter_context(CaptureQueriesContext(connections[each]))
                    for each in (DEFAULT_DB_ALIAS, read_replica.ALIAS)
                )
                response = browser.get(address, {"q": "person", "kind": "employee"})
            assert response.status_code == 200, address
            others = [
                query["sql"]
                for query in of_primary.captured_queries
                if query["sql"] and not any(table in query["sql"] for table in OF_THE_PRIMARY)
            ]
            assert (others, bool(of_replica.captured_queries)) == ([], True), address
