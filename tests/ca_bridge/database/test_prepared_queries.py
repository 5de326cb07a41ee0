"""Statements that are made once: what they bring is what the queryset would have brought."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import MultipleObjectsReturned
from django.db import connection, models
from django.db.models import F
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.contract import Refused
from ca_bridge.database.planned_rows import planned
from ca_bridge.database.prepared_queries import PAGES, ForKeys, Statement
from ca_bridge.models import CaAttempt, CaOrder
from tests.ca_bridge.orders.test_journal import NOW, State, order_in

pytestmark = [pytest.mark.django_db, pytest.mark.database]

OF_STATE = Statement[CaOrder](
    lambda state, before: CaOrder.objects.filter(state=state, created_at__lt=before).order_by("created_at"),
    state=models.CharField(),
    before=models.DateTimeField(),
)
ATTEMPTS = Statement[CaAttempt](
    lambda order: CaAttempt.objects.filter(order=order).select_related("order"), order=models.UUIDField()
)
LOCKED = Statement[CaOrder](
    lambda pk: CaOrder.objects.select_for_update(no_key=True).filter(pk=pk), pk=models.UUIDField()
)


AMONG = ForKeys[CaOrder](
    lambda pks: CaOrder.objects.filter(pk__in=pks).order_by("created_at"), models.UUIDField()
)


@pytest.fixture(autouse=True)
def _prepared(settings: Settings) -> None:
    """Also where the other tests run without."""
    settings.PLAIN_QUERIES = False


@pytest.mark.parametrize("state", [State.PREPARED, State.REFUSED])
def test_plain_queries_bring_the_same_and_keep_nothing(settings: Settings, state: State) -> None:
    orders = [order_in(State.PREPARED), order_in(State.PENDING), order_in(State.PREPARED)]
    keys = [order.pk for order in orders]
    prepared = [row.pk for row in OF_STATE.rows(state=state, before=soon())], [*AMONG.rows(keys)]
    settings.PLAIN_QUERIES = True
    statement = Statement(OF_STATE._build, state=models.CharField(), before=models.DateTimeField())
    among = ForKeys(AMONG._build, models.UUIDField())

    assert ([row.pk for row in statement.rows(state=state, before=soon())], among.rows(keys)) == prepared
    assert statement._made == {}
    assert all(each._made == {} for each in among._statements.values())
    with pytest.raises(TypeError):
        statement.rows(state=None, before=soon())


def soon() -> Any:
    return timezone.now() + timedelta(minutes=1)


def test_it_brings_what_the_queryset_brings():
    orders = [order_in(State.PREPARED), order_in(State.PENDING), order_in(State.PREPARED)]

    for state in (State.PREPARED, State.PENDING, State.REFUSED):
        wanted = [order for order in orders if order.state == state]
        assert OF_STATE.rows(state=state, before=soon()) == wanted
    assert OF_STATE.rows(state=State.PREPARED, before=orders[2].created_at) == [orders[0]]


def test_each_column_is_as_the_queryset_reads_it():
    order_in(State.ISSUED)
    (row,) = OF_STATE.rows(state=State.ISSUED, before=soon())
    same = CaOrder.objects.get()

    for field in CaOrder._meta.concrete_fields:
        value = getattr(row, field.attname)
        assert value == getattr(same, field.attname)
        assert type(value) is type(getattr(same, field.attname))
    row.error = "changed"
    row.save()
    assert CaOrder.objects.get().error == "changed"


def test_what_is_selected_beside_comes_along(django_assert_num_queries: Any):
    order = order_in(State.PENDING)
    CaAttempt.objects.create(order=order)

    with django_assert_num_queries(1):
        attempts = ATTEMPTS.rows(order=order.pk)
        assert {attempt.order.csr for attempt in attempts} == {order.csr}


def test_its_sql_is_made_once():
    made = []

    def build(state: Any) -> models.QuerySet[CaOrder, Any]:
        made.append(state)
        return CaOrder.objects.filter(state=state).values_list("pk", flat=True)

    statement = Statement[Any](build, state=models.CharField())
    for _time in range(3):
        assert statement.rows(state=State.PREPARED) == []
    order = order_in(State.PREPARED)
    assert statement.rows(state=State.PREPARED) == [order.pk]
    assert len(made) == 1


def test_the_first_and_the_only_one():
    assert OF_STATE.first(state=State.PREPARED, before=soon()) is None
    with pytest.raises(CaOrder.DoesNotExist):
        OF_STATE.get(state=State.PREPARED, before=soon())
    order = order_in(State.PREPARED)
    assert OF_STATE.get(state=State.PREPARED, before=soon()) == order
    assert OF_STATE.first(state=State.PREPARED, before=soon()) == order


def test_more_than_one_is_not_the_only_one():
    for _number in range(2):
        order_in(State.PREPARED)
    with pytest.raises(MultipleObjectsReturned):
        OF_STATE.get(state=State.PREPARED, before=soon())


@pytest.mark.parametrize(
    "given", [{}, {"state": "x"}, {"state": None, "before": NOW}, {"state": "x", "before": NOW, "more": 1}]
)
def test_it_wants_its_values_and_no_others(given: dict[str, Any]):
    with pytest.raises(TypeError, match="state, before"):
        OF_STATE.rows(**given)


def test_it_is_one_query():
    with pytest.raises(TypeError, match="one query"):
        Statement[CaOrder](lambda: CaOrder.objects.prefetch_related("attempts")).rows()


@pytest.mark.parametrize("number", [0, 1, 2, *(size + more for size in PAGES for more in (0, 1))])
def test_those_among_some_values_are_brought(number: int, django_assert_num_queries: Any):
    orders = [order_in(State.PREPARED) for _each in range(number)]
    other = order_in(State.PREPARED)

    for _time in range(2):
        with django_assert_num_queries(1 if number else 0):
            assert AMONG.rows(order.pk for order in orders) == orders
    assert AMONG.rows([*(order.pk for order in orders[:1]), other.pk, other.pk]) == [*orders[:1], other]
    assert AMONG.rows([uuid.uuid4()]) == []


def test_those_among_some_values_have_what_was_asked_for_and_know_their_states():
    known = order_in(State.PENDING)
    (row,) = ForKeys[CaOrder](
        lambda pks: CaOrder.objects.filter(pk__in=pks).only("state"), models.UUIDField()
    ).rows([known.pk])

    assert "handle" in row.get_deferred_fields()
    assert (row.state, row.handle) == (State.PENDING, known.handle)
    row.mark_refused(Refused("no", ""))
    assert row.state == State.REFUSED


def test_a_value_says_nothing_but_a_value():
    order_in(State.PREPARED)
    assert OF_STATE.rows(state="' OR '1'='1", before=soon()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("postgresql_only")
def test_rows_are_locked_in_a_transaction_alone():
    order = order_in(State.PREPARED)
    for _time in range(2):
        with pytest.raises(TransactionManagementError):
            LOCKED.rows(pk=order.pk)


@pytest.mark.django_db(transaction=True)
def test_threads_that_ask_at_once_get_their_own():
    orders = [order_in(State.PREPARED) for _number in range(4)]
    statement = Statement[CaOrder](lambda pk: CaOrder.objects.filter(pk=pk), pk=models.UUIDField())
    found: dict[Any, list[CaOrder]] = {}

    def ask(order: CaOrder) -> None:
        found[order.pk] = [statement.get(pk=order.pk) for _time in range(50)]
        connection.close()

    threads = [threading.Thread(target=ask, args=[order]) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {order.pk: [order] * 50 for order in orders}


def test_a_row_is_saved_whole(django_assert_num_queries: Any):
    order = order_in(State.PENDING)
    changed = {
        "content": {"a": [1, None, "ü'\"%s"]},
        "certificate": b"\x00\xff%s",
        "error": "100 % 'of' \"it\" %s",
        "ask_not_before": None,
    }
    for name, value in changed.items():
        setattr(order, name, value)
    with django_assert_num_queries(1):
        order.save()
    same = CaOrder.objects.get()
    assert {name: getattr(same, name) for name in changed} == changed
    assert same.version == order.version == 1


def test_a_row_is_saved_with_what_the_database_works_out():
    order = order_in(State.PENDING)
    order.comparisons = F("comparisons") + 2
    order.save()
    assert CaOrder.objects.get().comparisons == 2


def copies(order: CaOrder, number: int) -> list[CaOrder]:
    """Rows that are not saved, each with something else that is null or in need of care."""
    values = {field.attname: getattr(order, field.attname) for field in CaOrder._meta.concrete_fields}
    return [
        CaOrder(
            **values
            | {
                "id": uuid.uuid4(),
                "idempotency_key": f"copy {each} of 100 % 'it'",
                "public_key_sha256": bytes([each, 255]),
                "content": {"number": each, "nothing": None},
                "parked_at": None if each % 2 else timezone.now(),
            }
        )
        for each in range(number)
    ]


def test_planned_rows_are_those_of_the_queryset() -> None:
    orders = [order_in(State.PREPARED), order_in(State.PENDING), order_in(State.PREPARED)]
    made = CaOrder.objects.filter(state=State.PREPARED).order_by("created_at").prefetch_related("attempts")

    with CaptureQueriesContext(connection) as asked:
        rows = planned(made[:5])
        attempts = [list(row.attempts.all()) for row in rows]

    assert rows == [orders[0], orders[2]]
    assert attempts == [list(each.attempts.all()) for each in rows]
    assert len(asked) == 2
    assert planned(CaOrder.objects.filter(pk__in=[])) == planned(CaOrder.objects.none()) == []


def test_the_plan_of_planned_rows_is_kept_whatever_the_key(postgresql_only: None) -> None:
    made = [order_in(State.PREPARED) for _time in range(5)]
    for order in made:
        assert planned(CaOrder.objects.filter(state=State.PREPARED, pk=order.pk)) == [order]

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s",
            ["%ca_bridge_caorder%'prepared'%"],
        )
        assert cursor.fetchone() == (1,)
