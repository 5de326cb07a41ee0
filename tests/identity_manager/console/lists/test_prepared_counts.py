"""What waits for an officer is counted by SQL that is kept: the counts are of now all the same."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from identity_manager.console.lists import counting, prepared_counts
from identity_manager.console.open_tasks import sources as open_tasks
from identity_manager.models import Person, Role, TokenRequest
from tests.identity_manager.console.visitors import officer
from tests.tools import cast

pytestmark = pytest.mark.database


@pytest.fixture
def company(db: None) -> cast.Company:
    """Officers whom nobody has met: SQL is kept for each of them."""
    return cast.Company()


def counted_anew(actor: Person) -> list[int]:
    """As querysets count, made for this moment."""
    sources = [source for source in open_tasks.SOURCES if source.counts and source.concerns(actor)]
    lists = [rows for source in sources for rows in source.lists(actor, timezone.now())]
    return [rows.count() for rows in lists]


def counted(actor: Person) -> list[int]:
    return prepared_counts.numbers_of_rows(*what_is_asked(actor))


def what_is_asked(actor: Person) -> tuple[Any, ...]:
    fresh = Person.objects.get(pk=actor.pk)
    sources = [source for source in open_tasks.SOURCES if source.counts and source.concerns(fresh)]
    return (
        fresh,
        [source.name for source in sources],
        lambda now: [rows for source in sources for rows in source.lists(fresh, now)],
    )


@pytest.mark.parametrize("role", Role)
def test_only_the_clock_and_who_asks_are_beside_the_sql(postgresql_only: None, db: None, role: Role) -> None:
    """A plan for any states knows no partial index: among a million requests it took a second.

    One for each officer would leave none of the hundred places to all the others.
    """
    ann, ben = (cast.person(f"{name}-counts-{role}", roles=(role,)) for name in ("ann", "ben"))
    parts, parameters = prepared_counts.counting(*what_is_asked(ann))
    assert {type(each) for each in parameters} <= {datetime, uuid.UUID}
    assert prepared_counts.counting(*what_is_asked(ben))[0] == parts


def test_the_clock_goes_on_after_the_sql_was_made(company: cast.Company) -> None:
    request = company.request_in("requested")
    until = timezone.now() + timedelta(days=1)
    TokenRequest.objects.filter(pk=request.pk).update(postponed_until=until)

    assert sum(counted(company.paul)) == 0
    with time_machine.travel(until + timedelta(seconds=1)):
        assert sum(counted(company.paul)) == 1


@pytest.mark.parametrize(("minutes", "number"), [(0, 1), (59, 1), (61, 0)])
def test_a_while_before_the_moment_goes_with_the_clock(
    company: cast.Company, minutes: int, number: int
) -> None:
    made_at = company.request_in("requested").created_at
    paul = Person.objects.get(pk=company.paul.pk)

    def of_the_last_hour(now: prepared_counts.Moment) -> list[Any]:
        return [
            TokenRequest.objects.filter(created_at__gt=now - timedelta(minutes=50) - timedelta(minutes=10))
        ]

    prepared_counts.numbers_of_rows(paul, ["hour"], of_the_last_hour)
    with time_machine.travel(made_at + timedelta(minutes=minutes)):
        assert prepared_counts.numbers_of_rows(paul, ["hour"], of_the_last_hour) == [number]


def test_every_role_counts_what_its_querysets_count(company: cast.Company) -> None:
    for state in ("requested", "failed"):
        company.request_in(state)
    everything = officer("eve", Role.APPROVER)
    for role in (Role.TOKEN_ADMINISTRATOR, Role.REGISTRATION_OFFICER, Role.SYSTEM_ADMINISTRATOR):
        everything.roles.create(role=role)

    for actor in (company.ada, company.paul, everything):
        assert counted(actor) == counted(actor) == counted_anew(Person.objects.get(pk=actor.pk))


def test_a_role_that_is_taken_away_counts_no_more(company: cast.Company) -> None:
    company.request_in("requested")
    assert sum(counted(company.paul)) == 1
    company.paul.roles.update(organisational_unit="Elsewhere")
    assert sum(counted(company.paul)) == 0
    company.paul.roles.all().delete()
    assert counted(company.paul) == []


def test_what_was_made_while_a_role_ended_is_not_kept(company: cast.Company) -> None:
    company.request_in("requested")
    before = len(prepared_counts._made)

    def over_midnight(now: prepared_counts.Moment) -> list[Any]:
        company.paul.know_roles([])
        return [open_tasks.awaiting_decision(company.paul, now)]

    assert prepared_counts.numbers_of_rows(company.paul, ["decisions"], over_midnight) == [0]
    assert len(prepared_counts._made) == before
    assert sum(counted(company.paul)) == 1


def test_other_sources_are_counted_by_sql_of_their_own(company: cast.Company) -> None:
    company.request_in("requested")
    paul = Person.objects.get(pk=company.paul.pk)
    for source, number in ((open_tasks.awaiting_decision, 1), (open_tasks.postponed, 0)):
        found = prepared_counts.numbers_of_rows(
            paul, [source.__name__], lambda now, ask=source: [ask(paul, now)]
        )
        assert found == [number]


def test_nothing_is_looked_up_while_the_sql_is_made(company: cast.Company) -> None:
    def rash(_now: prepared_counts.Moment) -> list[object]:
        return [TokenRequest.objects.filter(pk__in=list(TokenRequest.objects.values_list("pk", flat=True)))]

    with pytest.raises(RuntimeError, match="looked up"):
        prepared_counts.numbers_of_rows(officer("rae", Role.APPROVER), ["rash"], rash)


def test_no_more_officers_are_kept_than_there_is_room_for(
    company: cast.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_counts, "MOST", 1)
    assert counting.capped(sum(counted(company.paul))) == counting.CappedCount(0)
    assert counting.capped(sum(counted(company.ada))) == counting.CappedCount(0)
    assert len(prepared_counts._made) == 1
