"""The safe base of state machines: refreshing is thread-safe and keeps what it should."""

import sys
import threading
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Model

from ca_bridge.database.state_machine import PlainlyRead, Stateful
from ca_bridge.models import CaOrder
from tests.ca_bridge.test_journal import NOW, State, order_in

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


def test_rows_are_made_as_django_makes_them():
    models = [model for model in apps.get_models() if issubclass(model, PlainlyRead)]
    assert len(models) > 5
    for model in models:
        names = [field.attname for field in model._meta.concrete_fields]
        for read in (names, [name for name in names if name in {"id", "state", "version"}]):
            values = [f"{name} as read" for name in read]
            made = Model.from_db.__func__(model, "default", read, values)  # type: ignore[attr-defined]  # the original
            row = model.from_db("default", read, values)
            if issubclass(model, Stateful):  # which remembers them, to write no more than what changes
                assert vars(row).pop("_in_database") == (read, values)
            made._state.fields_cache, row._state.fields_cache  # noqa: B018 both have it then
            assert {**vars(row), "_state": vars(row._state)} == {**vars(made), "_state": vars(made._state)}
            assert list(row.get_deferred_fields()) == list(made.get_deferred_fields())
