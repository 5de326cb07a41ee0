"""Lists on a real streaming replica: what it answers, that it lags, is away, or is promoted."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ca_bridge.database import read_replica
from ca_bridge.database.read_replica import Trouble, Watch
from identity_manager.console.lists import replica_pages
from identity_manager.console.reports import registry
from identity_manager.management.doctor import database
from identity_manager.models import Role
from tests.identity_manager.console.visitors import signed_in
from tests.tools import cast, standby

pytestmark = [pytest.mark.long, pytest.mark.database]
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
        yield server
        connections[read_replica.ALIAS].close()
        del connections[read_replica.ALIAS]


def becomes(wanted: Trouble) -> bool:
    """Whether that is what the watch says, sooner or later."""
    until = time.monotonic() + 10
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
    assert becomes(Trouble.NONE)
    _each_page_reads_it(browser)
    assert names(browser) == {"First"}

    replica.run("SELECT pg_wal_replay_pause()")
    another("Second")
    assert becomes(Trouble.BEHIND)
    assert names(browser) == {"First", "Second"}, "the primary has it"
    assert [each.level for each in database.replica()] == ["warning"]
    replica.run("SELECT pg_wal_replay_resume()")
    assert becomes(Trouble.NONE)

    replica.stop()
    another("Third")
    assert "Third" in names(browser)
    assert becomes(Trouble.SILENT)
    assert [each.level for each in database.replica()] == ["failed"]
    replica.start()
    assert becomes(Trouble.NONE)
    assert names(browser) == {"First", "Second", "Third"}

    replica.run("SELECT pg_promote()")
    assert becomes(Trouble.NO_REPLICA)
    another("Fourth")
    assert "Fourth" in names(browser)


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
