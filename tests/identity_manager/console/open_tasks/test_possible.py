"""Which sources of OPEN TASKS are counted: those in whose tables anything waits."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from identity_manager.console.open_tasks import page
from identity_manager.console.open_tasks.possible import possible
from identity_manager.models import Person, Role, TokenRequest
from tests.identity_manager.console.visitors import officer
from tests.tools import cast

pytestmark = [pytest.mark.database, pytest.mark.long_on_postgresql]
COUNTED = [each for each in page.SOURCES if each.counts]


@pytest.fixture
def company(db: None) -> cast.Company:
    return cast.Company()


def names(actor: Person) -> set[str]:
    return {each.name for each in possible(COUNTED, actor)}


def test_where_nothing_waits_nothing_is_counted(company: cast.Company) -> None:
    silent = {each.name for each in COUNTED if not each.any_waiting}
    assert names(company.paul) == silent
    assert silent == {"codes-needed", "drills-due", "targets"}


def test_what_waits_for_somebody_is_counted(company: cast.Company) -> None:
    before = names(company.paul)
    company.request_in("requested")
    assert names(company.paul) - before == {"decisions"}


def test_one_statement_tells(company: cast.Company) -> None:
    names(company.paul)
    with CaptureQueriesContext(connection) as asked:
        names(company.ada)
    assert len(asked) == 1


def test_an_officer_whom_a_read_replica_does_not_know_yet_has_everything_counted(db: None) -> None:
    assert names(Person()) == {each.name for each in COUNTED}


@pytest.mark.parametrize("source", [each for each in COUNTED if each.any_waiting], ids=lambda each: each.name)
def test_each_condition_is_one_of_the_tables_that_are_counted(db: None, source: page.Source) -> None:
    """A condition on another table would say nothing about the lists.

    One list waits by rows that hang on its own: requests by their parked certificates.
    """
    actor = officer("zoe", *sorted(source.roles & set(Role))[:1])
    counted = {rows.model for rows in source.lists(actor, timezone.now())}
    told = {make().model for make in source.any_waiting}
    assert len(source.any_waiting) >= len(source.lists(actor, timezone.now()))
    assert counted <= told | ({TokenRequest} if source.name == "parked" else set())
