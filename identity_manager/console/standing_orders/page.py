"""Pages of standing orders: the list, and one order with who gets it, who loses it, and who is left out."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import standing_orders as access
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.history import event_wording
from identity_manager.console.standing_orders import members
from identity_manager.models import (
    BatchOrder,
    Person,
    StandingBasis,
    StandingMember,
    StandingOrder,
    StandingState,
)
from identity_manager.models.standing_orders.order import CRITERIA
from identity_manager.people.breaker import Stop
from identity_manager.transactions.refusals import Reason
from identity_manager.ui.parts import Meaning, Pair, Tab
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.standing_orders import orders
from identity_manager.workflow.standing_orders.outcomes import MemberOutcome, persons_with

PERSONS_SHOWN = 50
PLACED_SHOWN = 20
MEANINGS = {
    StandingState.CHECKING: Meaning.INFORMATION,
    StandingState.WAITING: Meaning.WAITING,
    StandingState.IN_FORCE: Meaning.DONE,
    StandingState.PAUSED: Meaning.WAITING,
    StandingState.STOPPED: Meaning.STOPPED,
    StandingState.ENDED: Meaning.QUIET,
}


def listing() -> list[dict[str, Any]]:
    """Every standing order, with its figures."""
    names = event_wording.type_names()
    rows = StandingOrder.objects.select_related("group").order_by("name")
    return [
        {"order": row, "type": names.get(row.type_code, row.type_code), "meaning": meaning(row)}
        for row in rows
    ]


def meaning(order: StandingOrder) -> Meaning:
    return MEANINGS[StandingState(order.state)]


def context(actor: Person, order: StandingOrder, form: VerbForm, *, asked: dict[str, str]) -> dict[str, Any]:
    """The page; asked: the outcome or the step, and the page of its persons."""
    named = access.sees_persons(actor)
    shown = MemberOutcome(asked["outcome"]) if asked.get("outcome") in MemberOutcome.values else _first(order)
    alive = order.state != StandingState.ENDED
    persons = persons_with(order, shown) if named and alive and order.planned_at else Person.objects.none()
    page = Paginator(persons, PERSONS_SHOWN).get_page(asked.get("page"))
    keeps = eligibility.administers_everywhere(actor)
    called = event_wording.type_names().get(order.type_code, order.type_code)
    return {
        "tab": "batch_orders",
        "order": order,
        "meaning": meaning(order),
        "facts": _facts(order, called),
        "stop": _stop(order, called) if order.stop_code else None,
        "form": form,
        "seen": orders.seen_of(order),
        "keeps": keeps,
        "obstacle": orders.decision_obstacle(actor=actor, order=order) if keeps else None,
        "named": named,
        "tabs": _tabs(order, shown),
        "shown": shown,
        "shown_number": order.figures.get(shown, 0),
        "page": page,
        "since": _since(order, [person.pk for person in page]),
        "placed": BatchOrder.objects.listed()
        .filter(standing_placement__order=order)
        .order_by("-asked_at")[:PLACED_SHOWN],
        **(members.context(order, asked) if named else {}),
    }


def _stop(order: StandingOrder, called: str) -> Reason:
    """Reason of the stop; called: the token type's name, which the facts of the stop have as a code."""
    facts = order.stop_facts
    if order.stop_code == "standing-order-type-withdrawn":
        facts = facts | {"name": called}
    return Stop(order.stop_code, facts).reason


def _facts(order: StandingOrder, called: str) -> list[Pair | tuple[Any, object]]:
    lines: list[Pair | tuple[Any, object]] = [
        (_("Token type"), called),
        (order.get_basis_display(), order.who),
    ]
    if order.basis == StandingBasis.SEARCH:
        lines += [
            (label, order.criteria.get(name)) for name, label in CRITERIA.items() if name in order.criteria
        ]
    lines += [(_("Who leaves"), order.get_loss_rule_display()), (_("Asked for by"), order.asked_by)]
    if order.decided_by is not None:
        lines.append((_("Decided by"), order.decided_by))
    return lines


def _first(order: StandingOrder) -> MemberOutcome:
    """The first outcome that anybody has."""
    return next((each for each in MemberOutcome if order.figures.get(each)), MemberOutcome.GAIN)


def _tabs(order: StandingOrder, shown: MemberOutcome) -> list[Tab]:
    found = [
        each
        for each in MemberOutcome
        if order.figures.get(each) or each in (MemberOutcome.GAIN, MemberOutcome.LOSE)
    ]
    return [
        Tab(each.label, f"?outcome={each.value}", count=order.figures.get(each, 0), current=each == shown)
        for each in found
    ]


def _since(order: StandingOrder, persons: list[Any]) -> dict[Any, Any]:
    rows = StandingMember.objects.present().filter(order=order, person__in=persons)
    return dict(rows.values_list("person", "since"))
