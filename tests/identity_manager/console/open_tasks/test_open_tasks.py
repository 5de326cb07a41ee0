"""OPEN TASKS: each source for whom it concerns; the number on the tab is the sum of what counts."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.lists import counting, remembered_counts
from identity_manager.console.open_tasks import page as open_tasks
from identity_manager.console.open_tasks import source as task_source
from identity_manager.models import Person, Postponement, Role, TokenRequest
from tests.identity_manager.console.visitors import officer, tasks
from tests.tools import cast
from tests.tools.sign_in import signed_in

OPEN_TASKS, START = reverse("console:approvals"), reverse("console:start")


def number(client: Client) -> int:
    return int(client.get(START).context["task_counter"].number.number)


def test_the_number_on_the_tab_ends_at_the_unit(company: cast.Company) -> None:
    company.request_in("requested")
    here, elsewhere = (
        officer(name, Role.APPROVER, unit=unit) for name, unit in (("ann", "Nord"), ("bea", "Süd"))
    )

    assert [number(signed_in(each)) for each in (company.paul, here, elsewhere)] == [1, 1, 0]


def test_the_number_is_the_sum_over_all_roles(company: cast.Company) -> None:
    company.request_in("failed")
    cast.enabled(company.ada, company.sam, company.signature)
    both = officer("bo", Role.APPROVER)
    both.roles.create(role=Role.TOKEN_ADMINISTRATOR)

    assert number(signed_in(both)) == 2
    assert number(signed_in(company.ada)) == 1


def test_what_is_postponed_is_shown_and_not_counted(company: cast.Company) -> None:
    request = company.request_in("requested")
    until = timezone.now() + timedelta(days=1)
    Postponement.objects.create(request=request, round=1, approver=company.paul, until=until)
    paul = signed_in(company.paul)

    assert number(paul) == 0
    assert tasks(paul.get(OPEN_TASKS), "postponed") == [request]
    assert figures(paul) == {}


def figures(client: Client) -> dict[str, str]:
    return {figure.label: figure.url for figure in client.get(START).context["waits"]}


def test_each_figure_of_start_leads_to_its_section(company: cast.Company) -> None:
    company.request_in("requested")
    paul = signed_in(company.paul)

    (address,) = figures(paul).values()

    assert address == f"{OPEN_TASKS}#tasks-decisions"
    assert 'id="tasks-decisions"' in paul.get(OPEN_TASKS).text


def test_what_is_more_than_a_page_has_pages_of_its_own(
    company: cast.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_source, "SHOWN", 1)
    oldest = company.request_in("requested")
    newest = cast.enabled(company.ada, company.sam, company.signature)
    paul = signed_in(company.paul)

    first = paul.get(OPEN_TASKS, {"postponed": "7"})

    assert tasks(first, "decisions") == [oldest]
    assert "1 to 1 of 2" in " ".join(first.text.split())
    assert 'aria-label="Pages: Wait for your decision"' in first.text
    assert 'href="?postponed=7&amp;decisions=2#tasks-decisions"' in first.text
    assert tasks(paul.get(OPEN_TASKS, {"decisions": "2"}), "decisions") == [newest]


@pytest.mark.parametrize(("asked", "shown"), [("9", 1), ("0", 1), ("x", 0), ("", 0)])
def test_a_page_that_is_none_is_the_nearest(
    company: cast.Company, monkeypatch: pytest.MonkeyPatch, asked: str, shown: int
) -> None:
    monkeypatch.setattr(task_source, "SHOWN", 1)
    waiting = [company.request_in("requested"), cast.enabled(company.ada, company.sam, company.signature)]

    response = signed_in(company.paul).get(OPEN_TASKS, {"decisions": asked})

    assert tasks(response, "decisions") == [waiting[shown]]


def test_lists_are_joined_as_one(company: cast.Company) -> None:
    kinds = [Person.objects.filter(pk__in=some).order_by("pk") for some in _thirds(Person.objects.all())]
    whole = [person for rows in kinds for person in rows]
    joined = task_source.Joined(lambda: kinds)

    assert joined.count() == len(whole) > 5
    for start in range(len(whole) + 2):
        for stop in range(start + 1, len(whole) + 3):
            assert joined[start:stop] == whole[start:stop]


def _thirds(rows: Iterable[Person]) -> list[list[Any]]:
    keys = [person.pk for person in rows]
    return [keys[:2], [], keys[2:3], keys[3:]]


def test_the_page_asks_as_often_for_many_as_for_one(
    company: cast.Company, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for name in ("lou", "max", "zoe", "abe"):
        cast.enabled(company.ada, cast.person(name), company.signature)
    paul = signed_in(company.paul)

    with django_assert_max_num_queries(17):
        assert len(tasks(paul.get(OPEN_TASKS), "decisions")) == 4


def test_the_tab_stops_counting_and_says_so(company: cast.Company, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lou", "max", "zoe"):
        cast.enabled(company.ada, cast.person(name), company.signature)
    paul = signed_in(company.paul)
    assert '<span class="count count-open">3</span>' in paul.get(START).text

    monkeypatch.setattr(counting, "COUNT_LIMIT", 2)
    caches[remembered_counts.CACHE].clear()
    assert '<span class="count count-open">2+</span>' in paul.get(START).text


def test_a_section_stops_counting_and_says_so(company: cast.Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it was counted for the tab, as what waits for a decision, or not, as what is postponed."""
    monkeypatch.setattr(task_source, "SHOWN", 1)
    monkeypatch.setattr(counting, "COUNT_LIMIT", 2)
    for name in ("lou", "max", "zoe"):
        request = cast.enabled(company.ada, cast.person(name), company.signature)
    paul = signed_in(company.paul)
    assert ' <span class="quiet">2+</span>' in paul.get(OPEN_TASKS).text
    last = " ".join(paul.get(OPEN_TASKS, {"decisions": "3"}).text.split())
    assert "2 to 2 of 2" in last
    assert "The first 2 are shown; others follow as these are done." in last

    until = timezone.now() + timedelta(days=1)
    for each in TokenRequest.objects.all():
        Postponement.objects.create(request=each, round=1, approver=company.paul, until=until)
    assert ' <span class="quiet">2+</span>' in paul.get(OPEN_TASKS).text
    request.postponements.all().delete()
    assert paul.get(OPEN_TASKS).text.count(' <span class="quiet">2</span>') == 1


@pytest.mark.parametrize("source", open_tasks.SOURCES, ids=lambda source: source.name)
def test_every_source_has_words(source: task_source.Source) -> None:
    assert str(source.title)
    assert source.sentence(1) != source.sentence(2)
    assert source.roles <= set(Role.values)


def test_only_who_approves_is_asked_to_decide(company: cast.Company) -> None:
    failed = company.request_in("failed")
    waiting = cast.enabled(company.ada, company.sam, company.signature)
    both = officer("bo", Role.APPROVER)
    both.roles.create(role=Role.TOKEN_ADMINISTRATOR)

    administrator, approver = signed_in(company.ada).get(OPEN_TASKS), signed_in(both).get(OPEN_TASKS)

    for response in (administrator, approver):
        assert tasks(response, "failed") == [failed]
        assert reverse("console:request-decide", args=[failed.pk]) not in response.text
    assert 'id="decide"' not in administrator.text
    assert approver.text.count('id="decide"') == 1
    assert reverse("console:request-decide", args=[waiting.pk]) in approver.text
