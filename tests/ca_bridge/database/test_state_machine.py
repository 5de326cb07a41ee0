"""The safe base of state machines: refreshing is thread-safe and keeps what it should."""

import sys
import threading
from collections.abc import Iterator

import pytest
from django.db import connection

from ca_bridge.models import CaOrder
from tests.ca_bridge.orders.test_journal import NOW, State, order_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def switching_often() -> Iterator[None]:
    """Threads change places as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_refresh_reads_the_state():
    order = order_in(State.PREPARED)
    same = CaOrder.objects.get(pk=order.pk)
    same.mark_asked()
    same.save()
    order.refresh_from_db()
    assert (order.state, order.version) == (State.ASKED, 1)
    order.mark_asked()
    order.save()


def test_partial_refresh_leaves_the_state():
    order = order_in(State.PREPARED)
    same = CaOrder.objects.get(pk=order.pk)
    same.error = "changed"
    same.mark_asked()
    same.save()
    order.refresh_from_db(fields=["error"])
    assert (order.state, order.error) == (State.PREPARED, "changed")


def test_deferred_state_is_read():
    order = CaOrder.objects.defer("state").get(pk=order_in(State.PENDING).pk)
    assert order.state == State.PENDING


def test_a_refresh_that_fails_loses_nothing():
    order = order_in(State.PENDING)
    CaOrder.objects.filter(pk=order.pk).delete()
    with pytest.raises(CaOrder.DoesNotExist):
        order.refresh_from_db()
    assert order.state == State.PENDING


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("switching_often")
def test_threads_refresh_and_none_can_assign_a_state():
    """With django-fsm's own mixin about one refresh in five fails here: the field is unprotected for all."""
    order_id = order_in(State.PREPARED, not_before=NOW).pk
    trouble: list[str] = []

    def refresh() -> None:
        order = CaOrder.objects.get(pk=order_id)
        for _each in range(150):
            try:
                order.refresh_from_db()
            except AttributeError as error:
                trouble.append(f"refresh: {error}")
            try:
                order.state = State.ISSUED
                trouble.append("assigned")
            except AttributeError:
                pass
        connection.close()

    threads = [threading.Thread(target=refresh) for _each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
