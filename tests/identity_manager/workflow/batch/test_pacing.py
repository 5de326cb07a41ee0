"""At most so many lines an hour, only at night, and when it will be done."""

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from pytest_django import Settings

from identity_manager.models import BatchKind, BatchOrder, BatchShard
from identity_manager.transactions.refusals import NotPossible
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import pacing
from identity_manager.workflow.batch.pacing import Pacing
from tests.identity_manager.workflow.batch.orders import placed, started, work
from tests.tools import cast
from tests.tools.cast import Company

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT = Pacing(begins=time(22), ends=time(5))


@pytest.fixture(autouse=True)
def utc(settings: Settings) -> None:
    settings.TIME_ZONE = "UTC"


@pytest.mark.parametrize(
    ("hour", "opens"),
    [(12, 22), (21, 22), (22, 22), (23, 23), (0, 0), (4, 4), (5, 22)],
)
def test_a_night_goes_over_midnight(hour: int, opens: int) -> None:
    now = NOON.replace(hour=hour)
    assert pacing.opens_at(NIGHT, now) == NOON.replace(hour=opens)


def test_after_the_end_of_a_day_it_opens_on_the_next() -> None:
    day = Pacing(begins=time(9), ends=time(10))
    assert pacing.opens_at(day, NOON) == NOON.replace(day=3, hour=9)
    assert pacing.opens_at(Pacing(), NOON) == NOON


def test_when_it_will_be_done() -> None:
    order = BatchOrder(running_since=NOON - timedelta(hours=1), done_before=100)
    after = NOON + timedelta(hours=2)
    assert pacing.eta(order, done=200, left=200, now=NOON) == after
    assert pacing.eta(order, done=100, left=200, now=NOON) is None
    order.rate = 50
    assert pacing.eta(order, done=200, left=200, now=NOON) == NOON + timedelta(hours=4)
    assert pacing.eta(order, done=200, left=0, now=NOON) is None


@pytest.mark.django_db
def test_half_a_window_and_an_empty_one_are_refused(company: Company) -> None:
    order = placed(company.ada, BatchKind.REMIND, [cast.enabled(company.ada, company.uma, company.vpn)])
    for wrong in (Pacing(begins=time(22)), Pacing(begins=time(5), ends=time(5))):
        with pytest.raises(NotPossible) as refusal:
            batch_orders.start(actor=company.ada, order_id=order.pk, pacing=wrong)
        assert refusal.value.field == "window_from"


@pytest.mark.django_db
def test_at_most_so_many_an_hour(company: Company) -> None:
    persons = [cast.person(name, sid="") for name in ("one", "two", "three")]
    requests = [cast.enabled(company.ada, person, company.vpn) for person in persons]
    with time_machine.travel(NOON, tick=False) as clock:
        order = started(placed(company.ada, BatchKind.REMIND, requests), company.ada, pacing=Pacing(rate=2))
        assert batch_orders.counts_of(order) == {"done": 2, "ready": 1}
        assert BatchShard.objects.get().next_attempt_at == NOON + timedelta(hours=1)
        clock.shift(timedelta(minutes=59))
        work(order)
        assert batch_orders.counts_of(order) == {"done": 2, "ready": 1}
        clock.shift(timedelta(minutes=1))
        work(order)
        assert batch_orders.counts_of(order) == {"done": 3}
        assert BatchOrder.objects.get().state == "finished"


@pytest.mark.django_db
def test_only_at_night(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.vpn)
    with time_machine.travel(NOON, tick=False) as clock:
        order = started(placed(company.ada, BatchKind.REMIND, [request]), company.ada, pacing=NIGHT)
        assert batch_orders.counts_of(order) == {"ready": 1}
        clock.shift(timedelta(hours=10))
        work(order)
        assert batch_orders.counts_of(order) == {"done": 1}
