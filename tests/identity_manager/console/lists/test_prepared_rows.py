"""Rows of lists, found by SQL that is kept: they are those that the officer reaches now, as they are now."""

from typing import Any

import pytest
from django.db.models import Value

from identity_manager.console.access import requests as access_requests
from identity_manager.console.audit import log as audit_log
from identity_manager.console.lists.pagination import PAGE_SIZE
from identity_manager.console.lists.prepared_rows import KeptRows
from identity_manager.console.outbox import page as outbox_page
from identity_manager.console.search import certificates as certificate_list
from identity_manager.console.search import requests as request_list
from identity_manager.models import Person, Role, TokenRequest
from tests.tools import cast

pytestmark = pytest.mark.database
# What of it an officer reaches, and how many rows a page has.
LISTS: dict[str, Any] = {
    "certificates": (certificate_list._reached, PAGE_SIZE),
    "mails": (outbox_page._reached, PAGE_SIZE),
    "events": (audit_log._reached, audit_log.EVENTS_ON_A_PAGE),
}


@pytest.fixture
def company(db: None) -> cast.Company:
    """Officers whom nobody has met: SQL is kept for each of them."""
    return cast.Company()


def found(actor: Person, *requests: TokenRequest) -> dict[object, TokenRequest]:
    drawn = request_list.REQUEST.drawn
    assert drawn is not None
    return dict(drawn(Person.objects.get(pk=actor.pk)).in_bulk([row.pk for row in requests]))


def test_rows_are_as_they_are_now(company: cast.Company) -> None:
    request = company.request_in("requested")
    (first,) = found(company.ada, request).values()
    TokenRequest.objects.filter(pk=request.pk).update(reference="AAAA-BBBB")
    (second,) = found(company.ada, request).values()
    assert (first.reference, second.reference) == (request.reference, "AAAA-BBBB")


def test_they_know_what_a_queryset_would_have_brought(
    company: cast.Company, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    request = company.request_in("requested")
    (row,) = found(company.ada, request).values()
    (plain,) = request_list.with_lines(TokenRequest.objects.filter(pk=request.pk))
    with django_assert_num_queries(0):  # type: ignore[operator]  # a function
        assert [(line.pk, str(line.token_type)) for line in row.lines] == [
            (line.pk, str(line.token_type)) for line in plain.lines
        ]
        assert all(line.request is row for line in row.lines)
        assert (row.person.display_name, str(row.requested_by)) == (
            plain.person.display_name,
            str(plain.requested_by),
        )


def test_an_officer_of_another_unit_finds_none_of_them(company: cast.Company) -> None:
    request = company.request_in("requested")
    assert found(company.ada, request)
    company.ada.roles.update(organisational_unit="somewhere else")
    assert not found(company.ada, request)


def officers(company: cast.Company) -> dict[str, Person]:
    """Who sees each list, everywhere."""
    return {
        "certificates": cast.person("otto", roles=(Role.AUDITOR,)),
        "mails": cast.person("olga", roles=(Role.SYSTEM_ADMINISTRATOR,)),
        "events": cast.person("oscar", roles=(Role.AUDITOR,)),
    }


@pytest.mark.parametrize("name", LISTS)
def test_every_list_says_what_a_queryset_would(company: cast.Company, name: str) -> None:
    """With SQL that is made, and by what was made before."""
    company.request_in("completed")
    actor, (reached, at_once) = officers(company)[name], LISTS[name]
    rows = {row.pk: row for row in reached(actor)[:at_once]}
    assert rows
    for _time in range(2):
        found = KeptRows(name, Person.objects.get(pk=actor.pk), reached, at_once=at_once).in_bulk([*rows])
        assert {key: _shown(row) for key, row in found.items()} == {
            key: _shown(row) for key, row in rows.items()
        }


def _shown(row: Any) -> dict[str, Any]:
    """All that was fetched of it, and of what belongs to it."""
    fields = {name: value for name, value in vars(row).items() if name != "_state"}
    return fields | {name: _shown(each) for name, each in row._state.fields_cache.items() if each}


@pytest.mark.parametrize("name", LISTS)
def test_no_row_of_a_list_is_asked_for_more(
    company: cast.Company, django_assert_num_queries: pytest.FixtureRequest, name: str
) -> None:
    company.request_in("completed")
    actor, (reached, at_once) = officers(company)[name], LISTS[name]
    keys = [row.pk for row in reached(actor)[:at_once]]
    KeptRows(name, actor, reached, at_once=at_once).in_bulk(keys)
    with django_assert_num_queries(1):  # type: ignore[operator]  # a function
        KeptRows(name, actor, reached, at_once=at_once).in_bulk(keys)


@pytest.mark.parametrize("when", ["built", "made"])
def test_what_is_kept_is_not_looked_up(company: cast.Company, when: str) -> None:
    """Neither while the rows are built nor while their SQL is made: it would be kept, and wrong soon."""
    request = company.request_in("requested")

    class LookedUp(Value):
        def as_sql(self, *named: Any) -> Any:
            Person.objects.count()
            return super().as_sql(*named)

    def reached(actor: Person) -> Any:
        if when == "built":
            Person.objects.count()
        return TokenRequest.objects.annotate(number=LookedUp(1))

    for _time in range(2):
        with pytest.raises(RuntimeError, match="was looked up now"):
            KeptRows("looked up", company.ada, reached).in_bulk([request.pk])


def test_nothing_is_asked_for_no_keys(company: cast.Company) -> None:
    drawn = certificate_list.CERTIFICATE.drawn
    assert drawn is not None
    assert drawn(company.ada).in_bulk([]) == {}
    assert access_requests.visible_certificates(company.ada).count() == 0
