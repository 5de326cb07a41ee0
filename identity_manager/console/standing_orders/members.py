"""The members of a standing order by their step, as the report of standing orders counts them."""

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count
from django.urls import reverse
from django.utils.http import urlencode

from identity_manager.models import MemberStep, StandingMember, StandingOrder
from identity_manager.ui.parts import Tab

MEMBERS_SHOWN = 50


def address(order: StandingOrder, step: str, unit: str = "") -> str:
    """The page of the order that lists these members."""
    query = {"step": step} | ({"unit": unit} if unit else {})
    return f"{reverse('console:standing-order', args=[order.pk])}?{urlencode(query)}#members"


def context(order: StandingOrder, asked: Mapping[str, str]) -> dict[str, Any]:
    """The present members with the step that the address asks for; nothing where it asks for none."""
    step, unit = asked.get("step"), asked.get("unit", "").replace("\x00", "")
    if step not in MemberStep.values:
        return {}
    rows = StandingMember.objects.present().filter(order=order)
    rows = rows.filter(person__organisational_unit=unit) if unit else rows
    numbers = dict(rows.order_by().values_list("step").annotate(number=Count("pk")))
    found = rows.filter(step=step).select_related("person").order_by("person__search_text__by_name", "pk")
    return {
        "page": Paginator(found, MEMBERS_SHOWN).get_page(asked.get("page")),
        "member_unit": unit,
        "member_tabs": [
            Tab(
                each.label, address(order, each, unit), current=each == step, count=numbers.get(each.value, 0)
            )
            for each in MemberStep
        ],
    }
