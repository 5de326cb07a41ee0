"""Rows of lists, found by SQL that is kept: they are those that the officer reaches now, as they are now."""

import pytest

from identity_manager.console import access, certificate_list, request_list
from identity_manager.models import Person, TokenRequest
from tests import cast

pytestmark = pytest.mark.database


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


def test_nothing_is_asked_for_no_keys(company: cast.Company) -> None:
    drawn = certificate_list.CERTIFICATE.drawn
    assert drawn is not None
    assert drawn(company.ada).in_bulk([]) == {}
    assert access.visible_certificates(company.ada).count() == 0
