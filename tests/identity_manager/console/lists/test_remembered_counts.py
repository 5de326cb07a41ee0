"""The number on the tab of OPEN TASKS: remembered for some seconds, counted anew after the officer acts."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.lists import distinct_values, remembered_counts
from identity_manager.console.open_tasks import page as open_tasks
from identity_manager.console.outbox import page as outbox_page
from identity_manager.console.search import forms
from identity_manager.models import Person, Role, TokenRequest
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.database, pytest.mark.long_on_postgresql]
LIST = "console:search"
_ON_THE_TAB = re.compile(r'<span class="count count-open">(\d+)\+?</span>')


@pytest.fixture(autouse=True)
def _stopped_clock() -> Iterator[None]:
    """On a busy machine the seconds would be over between two pages."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


@pytest.fixture
def company(db: None) -> cast.Company:
    return cast.Company()


def on_the_tab(client: Client, page: str = LIST) -> int:
    found = _ON_THE_TAB.search(client.get(reverse(page), follow=True).text)
    return int(found[1]) if found else 0


def another(company: cast.Company) -> TokenRequest:
    """A second request that waits."""
    return cast.enabled(company.ada, company.sam, company.signature)


def approver(company: cast.Company) -> Client:
    """paul, who may open SEARCH as well."""
    company.paul.roles.create(role=Role.REGISTRATION_OFFICER)
    return signed_in(company.paul)


def test_pages_count_once_in_some_seconds(company: cast.Company) -> None:
    paul = approver(company)
    company.request_in("requested")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert on_the_tab(paul) == 1
        another(company)
        assert on_the_tab(paul) == 1
        clock.shift(remembered_counts.SECONDS + 1)
        assert on_the_tab(paul) == 2


def test_a_page_that_remembers_does_not_ask(company: cast.Company) -> None:
    paul = approver(company)
    on_the_tab(paul)
    with CaptureQueriesContext(connection) as asked:
        on_the_tab(paul)
    assert not [query for query in asked if "UNION ALL SELECT 1, COUNT(*)" in query["sql"]]


def test_the_page_that_lists_what_waits_counts_and_the_next_say_the_same(company: cast.Company) -> None:
    paul = approver(company)
    assert on_the_tab(paul) == 0
    company.request_in("requested")
    assert on_the_tab(paul, "console:approvals") == on_the_tab(paul) == 1


def test_start_counts_once_in_some_seconds(company: cast.Company) -> None:
    paul = approver(company)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert on_the_tab(paul, "console:start") == 0
        company.request_in("requested")
        with CaptureQueriesContext(connection) as asked:
            assert on_the_tab(paul, "console:start") == 0
        assert not [query for query in asked if "COUNT(*)" in query["sql"]]
        clock.shift(remembered_counts.SECONDS + 1)
        assert on_the_tab(paul, "console:start") == on_the_tab(paul) == 1


def test_the_page_of_tasks_shows_what_start_did_not_know_yet(company: cast.Company) -> None:
    """And counts no list that fits on it."""
    paul = approver(company)
    assert on_the_tab(paul, "console:start") == 0
    request = company.request_in("requested")
    with CaptureQueriesContext(connection) as asked:
        page = paul.get(reverse("console:approvals"))
    assert not [query for query in asked if "COUNT(*)" in query["sql"]]
    assert request.person.display_name in page.text


def test_what_the_officer_does_is_counted_at_once(company: cast.Company) -> None:
    signed_in(company.uma)  # or she would need a sign-in code next
    paul = approver(company)
    request = company.request_in("requested")
    assert on_the_tab(paul) == 1
    cache: Any = caches[remembered_counts.CACHE]
    known = dict(cache._cache)
    paul.post(reverse("console:request-approve", args=[request.pk]), {"snapshot_hash": request.snapshot_hash})
    assert TokenRequest.objects.get(pk=request.pk).state != "requested"
    # Another process has the old count still; the mark in the session says that it is old.
    cache._cache.update(known)
    assert on_the_tab(paul) == 0


def test_what_another_officer_does_is_counted_some_seconds_later(company: cast.Company) -> None:
    paul, ann = approver(company), signed_in(officer("ann", Role.REGISTRATION_OFFICER))
    company.request_in("requested")
    assert on_the_tab(paul) == 1
    another(company)
    ann.post(reverse("console:request-approve", args=[company.uma.pk]))
    assert on_the_tab(paul) == 1


def test_each_officer_has_counts_of_their_own(company: cast.Company) -> None:
    company.request_in("requested")
    assert (on_the_tab(approver(company)), on_the_tab(signed_in(company.ada))) == (1, 0)


def test_with_other_roles_other_rows_are_counted(company: cast.Company) -> None:
    paul = approver(company)
    company.request_in("requested")
    assert on_the_tab(paul) == 1
    company.paul.roles.filter(role=Role.APPROVER).update(organisational_unit="Elsewhere")
    assert on_the_tab(paul) == 0


def test_who_is_not_signed_in_gets_no_session_by_it(client: Client, db: None) -> None:
    client.post(reverse("console:approvals"))
    assert Session.objects.count() == 0


def test_every_role_counts_what_its_querysets_count(company: cast.Company) -> None:
    for state in ("requested", "failed"):
        company.request_in(state)
    everything = officer("eve", Role.APPROVER)
    for role in (Role.TOKEN_ADMINISTRATOR, Role.REGISTRATION_OFFICER, Role.SYSTEM_ADMINISTRATOR):
        everything.roles.create(role=role)
    for person in (company.ada, company.paul, everything):
        actor = Person.objects.get(pk=person.pk)
        assert open_tasks.numbers_of_tasks(actor) == counted_one_by_one(actor)


def counted_one_by_one(actor: Person) -> dict[str, int]:
    sources = [source for source in open_tasks.SOURCES if source.counts and source.concerns(actor)]
    now = timezone.now()
    return {source.name: sum(rows.count() for rows in source.lists(actor, now)) for source in sources}


def test_the_sql_is_the_same_for_all_officers_of_a_role(postgresql_only: None, company: cast.Company) -> None:
    """The clock and who asks stand beside it: a plan for any states knows no partial index."""
    company.request_in("requested")

    def statements(person: Person) -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            open_tasks.numbers_of_tasks(Person.objects.get(pk=person.pk))
        told = [query["sql"] for query in asked if "COUNT(*)" in query["sql"] or "EXISTS" in query["sql"]]
        return [re.sub(r"'[0-9a-f]{8}-?[0-9a-f-]{20,}'|'\d{4}-[^']*'", "?", sql) for sql in told]

    ann, ben = officer("ann", Role.APPROVER), officer("ben", Role.APPROVER)
    assert statements(ann) == statements(ben)
    assert len(statements(ann)) == 2  # which sources can have tasks, and how many of each


@pytest.mark.parametrize(
    ("page", "asked"),
    [("search", {"kind": "employee"}), ("search", {"kind": "certificate"}), ("requests", {}), ("outbox", {})],
)
def test_the_choices_of_filters_are_read_once_in_some_seconds(
    company: cast.Company, page: str, asked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of departments, units, issuers and the like; anew after the officer has acted."""
    company.ada.roles.create(role=Role.AUDITOR)
    ada, read = signed_in(company.ada), []

    def known_values(*columns: Any) -> list[list[str]]:
        read.append(columns)
        return distinct_values.known_values(*columns)

    monkeypatch.setattr(forms, "known_values", known_values)
    monkeypatch.setattr(outbox_page, "known_values", known_values)

    def reads() -> int:
        read.clear()
        ada.get(reverse(f"console:{page}"), asked)
        return len(read)

    assert (reads(), reads()) == (1, 0)
    ada.post(reverse("console:request-approve", args=[company.uma.pk]))
    assert (reads(), reads()) == (1, 0)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        clock.shift(remembered_counts.SECONDS + 1)
        assert reads() == 1
