"""Unknown outcomes: a CA was asked, gave no usable answer, and may have issued.

A CA that can be searched is searched. If that finds nothing, the connection's policy decides
(registry.UNKNOWN_POLICIES): send the order again, or park it for an officer, while the search is repeated at
each later try.
Proven in tests/ca_bridge/test_issuing.py ("unknown", "look up") and tests/journeys/test_parked_orders.py.
"""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from ca_bridge.connection import registry
from ca_bridge.contract import Answer, Issued, Refused, Unknown
from ca_bridge.models import CaOrder
from ca_bridge.orders import journal

Search = CaOrder.Search


@dataclass(frozen=True, slots=True)
class Searched:
    """Result of a search for an order at its CA. detail: why it failed, for operators."""

    result: CaOrder.Search
    found: Issued | None = None
    detail: str = ""


def decide(order: CaOrder, searched: Searched) -> Answer | None:
    """Return the known answer to a doubtful order; None if it may be sent again, with the same key.

    Journals the search, and parks the order if an officer has to decide. None also if a late answer has
    brought a handle meanwhile, by which the order is then fetched.
    """
    may_ask = _may_ask(order, searched)
    parked = searched.found is None and not may_ask
    noted = journal.note_search(order.pk, searched.result, parked=parked)
    if searched.found is not None:
        return searched.found
    return None if may_ask or noted.handle else _parked(searched)


def conclude(order: CaOrder, searched: Searched) -> Answer:
    """Return the known answer to a doubtful order that is no longer needed. Journals the search.

    An empty search counts as not issued, unless the policy is to park: the order is not sent again, and a
    certificate that turns up in a later reconciliation is revoked.
    """
    nothing = searched.result == Search.NOTHING and registry.unknown_policy(order.ca) != registry.PARK
    journal.note_search(order.pk, searched.result, parked=searched.found is None and not nothing)
    if searched.found is not None:
        return searched.found
    return Refused(_("The order was withdrawn; the CA has not issued."), "") if nothing else _parked(searched)


def _may_ask(order: CaOrder, searched: Searched) -> bool:
    """Whether the order may be sent again: an officer's decision takes precedence over the policy."""
    if order.may_be_asked_again:
        return True
    policy = registry.unknown_policy(order.ca)
    return policy == registry.ASK_AGAIN or (policy == registry.SEARCH and searched.result == Search.NOTHING)


def _parked(searched: Searched) -> Unknown:
    words = f"The CA may have issued ({searched.result.label}); an officer has to look at it."
    return Unknown(f"{words} {searched.detail}".strip()[: journal.DETAIL_LENGTH])
