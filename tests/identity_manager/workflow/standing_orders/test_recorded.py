"""Each step in the life of a standing order, and of a group made by hand, is recorded with who took it."""

import pytest

from identity_manager.people import groups
from identity_manager.workflow.standing_orders import orders
from tests.identity_manager.workflow.standing_orders import standing
from tests.tools.cast import Company
from tests.tools.contents import recorded

pytestmark = pytest.mark.django_db


def test_the_life_of_a_standing_order(company: Company) -> None:
    group = standing.by_hand(company.rita, company.uma)
    order = standing.in_force(company.ada, group)
    orders.pause(actor=company.ada, order_id=order.pk)
    orders.resume(actor=company.ada, order_id=order.pk)
    groups.remove(actor=company.rita, group_id=group.pk, person_id=company.uma.pk)
    assert standing.planned(order).state == "stopped"
    orders.ask_again(actor=company.ada, order_id=order.pk)
    orders.end(actor=company.ada, order_id=order.pk)

    assert recorded("standing-order") == [
        ("made", "Ada"),
        ("confirmed", "Olga"),
        ("planned", ""),
        ("paused", "Ada"),
        ("resumed", "Ada"),
        ("stopped", ""),
        ("asked", "Ada"),
        ("ended", "Ada"),
    ]


def test_a_standing_order_stores_the_chosen_group(company: Company) -> None:
    groups_of_ours = [standing.group(name) for name in ("grp-a", "grp-b")]
    made = [standing.made(company.ada, each, name=each.name) for each in groups_of_ours]
    assert [order.group for order in made] == groups_of_ours


def test_a_standing_order_that_a_second_officer_refuses(company: Company) -> None:
    order = standing.made(company.ada, standing.group("grp", company.uma))
    orders.reject(actor=standing.olga(), order_id=order.pk, reason="Not this type.")

    assert recorded("standing-order") == [("made", "Ada"), ("refused", "Olga")]
    order.refresh_from_db()
    assert (order.state, order.reason) == ("ended", "Not this type.")


def test_the_life_of_a_group(company: Company) -> None:
    group = standing.by_hand(company.rita, company.uma)
    groups.remove(actor=company.rita, group_id=group.pk, person_id=company.uma.pk)
    groups.end(actor=company.rita, group_id=group.pk)

    assert recorded("group") == [
        (name, "Rita") for name in ("made", "member-added", "member-removed", "ended")
    ]
