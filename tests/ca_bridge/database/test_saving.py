"""A save writes what has changed since the row was read, and never less."""

import copy
import threading
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext
from django_fsm import ConcurrentTransition

from ca_bridge.models import CaOrder
from tests.ca_bridge.orders.test_journal import NOW, State, order_in

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def written_by_saving(order: CaOrder, **options: Any) -> set[str]:
    """The columns that one save writes, beside the version."""
    with CaptureQueriesContext(connection) as statements:
        order.save(**options)
    (update,) = [each["sql"] for each in statements if each["sql"].startswith("UPDATE")]
    assigned = update.partition(" SET ")[2].partition(" WHERE ")[0]
    columns = {field.column for field in CaOrder._meta.concrete_fields if f'"{field.column}" = ' in assigned}
    assert "version" in columns
    return columns - {"version"}


def read(order: CaOrder) -> CaOrder:
    return CaOrder.objects.get(pk=order.pk)


def values_of(order: CaOrder) -> dict[str, Any]:
    return {field.attname: getattr(order, field.attname) for field in CaOrder._meta.concrete_fields}


def all_columns() -> set[str]:
    return {field.column for field in CaOrder._meta.concrete_fields} - {"id", "version"}


IN_PLACE = {"chain_base64"}  # a list, which somebody may have changed in place; content is replaced whole


def test_what_has_changed_is_written():
    order = order_in(State.PREPARED, error="before", detail="stays")
    order.error, order.not_after = "after", NOW + timedelta(days=2)
    order.mark_asked()
    before = values_of(order)

    assert written_by_saving(order) == {"error", "not_after", "state"} | IN_PLACE
    assert values_of(read(order)) == before | {"version": 1}


def test_what_is_changed_in_place_is_written():
    order = order_in(State.PENDING, chain_base64=["a"])
    order.chain_base64.append("b")
    order.save()
    assert read(order).chain_base64 == ["a", "b"]
    order.chain_base64[0] = "c"
    order.save()
    assert read(order).chain_base64 == ["c", "b"]


def test_a_dict_that_is_replaced_whole_is_written():
    order = order_in(State.PENDING, content={"a": {"b": 1}})
    order.content = {"a": {"b": True}}  # equal to Python, and something else to everybody else
    assert written_by_saving(order) == {"content"} | IN_PLACE
    assert read(order).content["a"]["b"] is True


def test_each_save_writes_what_changed_since_the_last_one():
    order = order_in(State.PENDING)
    order.error = "first"
    assert written_by_saving(order) == {"error"} | IN_PLACE
    order.detail = "second"
    assert written_by_saving(order) == {"detail"} | IN_PLACE
    order.error = ""  # as it was read
    assert written_by_saving(order) == {"error"} | IN_PLACE
    assert (read(order).error, read(order).detail, read(order).version) == ("", "second", 3)


def test_a_save_of_some_fields_leaves_the_others_to_the_next_one():
    order = order_in(State.PENDING)
    order.error, order.detail = "first", "second"
    assert written_by_saving(order, update_fields=["error"]) == {"error"}
    assert read(order).detail == ""
    assert written_by_saving(order) == {"detail"} | IN_PLACE
    assert read(order).detail == "second"


def test_what_another_save_wrote_is_no_news():
    order = order_in(State.PENDING)
    other = read(order)
    other.error = "theirs"
    other.save()
    order.refresh_from_db()
    order.error = ""  # as it was when it was read first
    order.save()
    assert read(order).error == ""


@pytest.mark.parametrize("fields", [None, ["error"]])
def test_a_copy_that_was_refreshed_is_written_whole(fields: Iterable[str] | None):
    order = order_in(State.PENDING)
    order.refresh_from_db(fields=fields)
    assert written_by_saving(order) == all_columns()


def test_a_row_that_was_never_read_is_written_whole():
    seen = order_in(State.PENDING)
    order = CaOrder(**values_of(seen))
    order._state.adding = False
    assert written_by_saving(order) == all_columns()
    order.error = "changed"
    assert written_by_saving(order) == {"error"} | IN_PLACE


def test_a_row_that_was_just_added_is_written_whole():
    values = values_of(order_in(State.PENDING)) | {"idempotency_key": "another", "public_key_sha256": b"1"}
    order = CaOrder(**values | {"id": None})
    order.id = CaOrder().id
    order.save()
    assert written_by_saving(order) == all_columns()


def test_what_was_left_out_when_it_was_read():
    whole = order_in(State.PENDING, error="before")
    order = CaOrder.objects.defer("error", "detail").get(pk=whole.pk)
    order.handle = "new"
    assert written_by_saving(order) == {"handle"} | IN_PLACE
    order = CaOrder.objects.defer("error", "detail").get(pk=whole.pk)
    order.error = ""
    assert written_by_saving(order, update_fields=["error"]) == {"error"}
    order = CaOrder.objects.defer("error", "detail").get(pk=whole.pk)
    assert order.error == ""  # read now
    order.error = "after"
    order.save()
    assert (read(whole).error, read(whole).handle) == ("after", "new")


def test_what_the_database_works_out_is_worked_out_at_each_save():
    order = order_in(State.PENDING)
    order.comparisons = F("comparisons") + 2
    order.error = Concat("error", Value("!"))
    order.save()
    order.save()
    assert (read(order).comparisons, read(order).error) == (4, "!!")


def test_the_same_in_another_type_is_written():
    order = order_in(State.PENDING)
    order.error = State.PENDING  # a text of another class
    assert written_by_saving(order) == {"error"} | IN_PLACE
    order.csr = bytearray(b"other")
    order.save()
    order.csr[0:1] = b"O"
    order.save()
    assert read(order).csr == b"Other"


def test_a_save_that_is_rolled_back_is_not_taken_for_written():
    order = order_in(State.PENDING)
    order.error = "lost"
    with transaction.atomic():
        order.save()
        transaction.set_rollback(True)
    with pytest.raises(ConcurrentTransition), transaction.atomic():
        order.save()
    assert read(order).error == ""

    again = read(order)
    again.error = "lost"
    again.save()
    assert read(order).error == "lost"


def test_a_save_that_was_refused_leaves_everything_to_be_written():
    order = order_in(State.PENDING)
    other = read(order)
    other.save()
    order.error = "mine"
    with pytest.raises(ConcurrentTransition), transaction.atomic():
        order.save()
    order.version = other.version  # as nobody may; the copy still knows what it has to write
    assert written_by_saving(order) == {"error"} | IN_PLACE
    assert read(order).error == "mine"


def test_a_copy_that_was_refused_is_refused_again():
    """Else whoever tries twice overwrites what somebody else has saved."""
    order = order_in(State.PENDING)
    other = read(order)
    other.error = "theirs"
    other.save()

    order.error = "mine"
    for _attempt in range(2):
        with pytest.raises(ConcurrentTransition), transaction.atomic():
            order.save()
    assert read(order).error == "theirs"


def test_two_copies_of_one_row_do_not_speak_for_each_other():
    order = order_in(State.PENDING)
    twin = copy.copy(order)
    order.error = "mine"
    order.save()
    twin.error, twin.version = "mine", order.version
    assert written_by_saving(twin) == {"error"} | IN_PLACE


def test_a_row_under_another_key_is_written_whole():
    order, other = order_in(State.PENDING), order_in(State.PENDING)
    order.pk, order.idempotency_key, order.public_key_sha256 = other.pk, "new", b"new"
    assert written_by_saving(order) == all_columns()
    assert values_of(read(other)) == values_of(order)


@pytest.mark.django_db(transaction=True)
def test_of_threads_that_save_at_once_one_wins():
    order_id = order_in(State.PREPARED).pk
    begin, outcomes = threading.Barrier(8), []

    def save(number: int) -> None:
        order = CaOrder.objects.get(pk=order_id)
        order.error = f"of thread {number}"
        begin.wait()
        try:
            with transaction.atomic():
                order.save()
            outcomes.append(order.error)
        except ConcurrentTransition:
            outcomes.append(None)
        connection.close()

    threads = [threading.Thread(target=save, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [outcome for outcome in outcomes if outcome]
    found = CaOrder.objects.get(pk=order_id)
    assert (found.error, found.version) == (winner, 1)
