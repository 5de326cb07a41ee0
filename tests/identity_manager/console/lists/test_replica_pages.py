"""Which pages read the read replica, when, and what happens where it fails."""

import inspect
from collections.abc import Iterator

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import DEFAULT_DB_ALIAS, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import ResolverMatch, get_resolver
from psycopg.errors import QueryCanceled, SerializationFailure

from ca_bridge.database import read_replica
from ca_bridge.database.read_replica import ReplicaFault, Watch
from identity_manager.config.database.router import ReplicaRouter
from identity_manager.console.lists.replica_pages import (
    OWN_WRITES_SECONDS,
    PAGES,
    WROTE_AT,
    ReplicaPagesMiddleware,
)
from identity_manager.console.start import installation
from identity_manager.management.doctor import database
from identity_manager.models import Account, AuditEvent, Person, RoleAssignment
from tests.architecture.url_table import addresses

LIST, TASKS = "console:requests", "console:approvals"


# --- Which pages -----------------------------------------------------------------------------------
def views() -> Iterator[tuple[str, object]]:
    """The name and the view of each address of the console."""
    patterns = get_resolver("identity_manager.config.urls").url_patterns
    return ((name, pattern.callback) for name, _route, pattern in addresses(patterns))


def test_each_page_exists() -> None:
    assert {name for name, _view in views()} >= PAGES


def test_no_page_shows_one_thing_alone() -> None:
    """What is decided on is shown by its own page, which is found by its key, and read from the primary."""
    for name, view in views():
        if name in PAGES:
            assert "pk" not in inspect.signature(inspect.unwrap(view)).parameters, name  # type: ignore[arg-type]  # a view


def test_roles_and_accounts_are_read_from_the_primary() -> None:
    router = ReplicaRouter()
    with read_replica.reading():
        assert router.db_for_read(Person) == router.db_for_read(AuditEvent) == read_replica.ALIAS
        assert {router.db_for_read(each) for each in (Account, RoleAssignment)} == {DEFAULT_DB_ALIAS}
        assert router.db_for_write(Person) == DEFAULT_DB_ALIAS
    assert router.db_for_read(Person) == DEFAULT_DB_ALIAS
    assert router.allow_migrate(DEFAULT_DB_ALIAS, "identity_manager")
    assert not router.allow_migrate(read_replica.ALIAS, "identity_manager")


# --- When, without a server ------------------------------------------------------------------------
class Page:
    """A visit to a page of that name, whose view notes where it reads, and may fail on the replica."""

    def __init__(self, *, failing: OperationalError | None = None) -> None:
        self.read_from: list[str] = []
        self._failing = failing
        self.session: dict[str, object] = {SESSION_KEY: "1"}

    def visit(self, name: str = LIST, method: str = "GET") -> HttpResponse:
        request = RequestFactory().generic(method, "/")
        request.session = self.session  # type: ignore[assignment]  # what of it is used
        space, _colon, short = name.partition(":")
        request.resolver_match = ResolverMatch(self._view, (), {}, url_name=short, namespaces=[space])
        middleware = ReplicaPagesMiddleware(self._view)

        def rest(request: HttpRequest) -> HttpResponse:
            return middleware.process_view(request, self._view, (), {}) or self._view(request)

        middleware.get_response = rest
        return middleware(request)

    def _view(self, _request: HttpRequest) -> HttpResponse:
        self.read_from.append(read_replica.alias())
        if self._failing and read_replica.alias() == read_replica.ALIAS:
            raise self._failing
        return HttpResponse("page")


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A replica is there, and holds everything."""
    found = Watch()
    monkeypatch.setattr(read_replica, "is_configured", lambda: True)
    monkeypatch.setattr(read_replica, "watch", found)
    monkeypatch.setattr(Watch, "trouble", lambda self: self._fault)
    return found


def test_lists_read_the_replica_and_nothing_else_does(watch: Watch) -> None:
    page = Page()
    for name in (*sorted(PAGES), TASKS, "console:request", "selfservice:start", "account_login"):
        page.visit(name)
    assert page.read_from == [read_replica.ALIAS] * len(PAGES) + [DEFAULT_DB_ALIAS] * 4


def test_who_has_sent_something_sees_it(watch: Watch) -> None:
    page = Page()
    page.visit("selfservice:start", "POST")
    page.visit()
    assert page.read_from == [DEFAULT_DB_ALIAS, DEFAULT_DB_ALIAS]
    page.session[WROTE_AT] -= OWN_WRITES_SECONDS + 1  # type: ignore[operator]  # a moment
    page.visit()
    assert page.read_from[-1] == read_replica.ALIAS
    assert OWN_WRITES_SECONDS > read_replica.MAX_LAG + database.APART_SECONDS, "hosts' clocks differ"


def test_a_list_that_is_posted_to_reads_the_primary(watch: Watch) -> None:
    page = Page()
    page.visit("console:search", "POST")
    assert page.read_from == [DEFAULT_DB_ALIAS]


def test_a_replica_that_fails_costs_no_page(watch: Watch) -> None:
    conflict = OperationalError("canceling statement due to conflict with recovery")
    conflict.__cause__ = SerializationFailure()
    page = Page(failing=conflict)
    assert page.visit().content == b"page"
    assert page.read_from == [read_replica.ALIAS, DEFAULT_DB_ALIAS]
    assert watch.trouble() == ReplicaFault.SILENT
    page.visit()
    assert page.read_from[2:] == [DEFAULT_DB_ALIAS], "it is not tried each time"


def test_a_page_that_takes_too_long_is_not_begun_again(watch: Watch) -> None:
    timeout = OperationalError("canceling statement due to statement timeout")
    timeout.__cause__ = QueryCanceled()
    page = Page(failing=timeout)
    with pytest.raises(OperationalError):
        page.visit()
    assert page.read_from == [read_replica.ALIAS]


@pytest.mark.parametrize("trouble", list(ReplicaFault))
def test_start_and_doctor_say_how_it_is(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, trouble: ReplicaFault
) -> None:
    monkeypatch.setattr(Watch, "trouble", lambda _self: trouble)
    monkeypatch.setattr(read_replica, "MAX_LAG", 0.0)
    line, (found,) = installation._replica(), list(database.replica())
    assert bool(line.remedy) == bool(trouble) == (found.level != "ok") == bool(found.remedy)


def test_without_one_the_doctor_says_so_and_no_page_is_touched() -> None:
    (found,) = database.replica()
    assert (found.level, "DATABASE_REPLICA_URL" in found.says) == ("ok", True)
