"""Doubt: a CA was asked, gave no answer that can be believed, and may have issued.

It is searched where it can be. What is done where that finds nothing is the connection's policy
(registry.UNKNOWN_POLICIES); where nothing may be done unseen, the order is parked for an officer, and a CA
that can be searched is searched again at each later try.
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
    """What came of a search for an order at its CA. detail: why it failed, for operators."""

    result: CaOrder.Search
    found: Issued | None = None
    detail: str = ""


def decide(order: CaOrder, searched: Searched) -> Answer | None:
    """Return what is known of a doubtful order; None where its CA may be asked again, with the same key.

    Journals the search, and parks the order where an officer has to decide. None also where a late answer has
    brought a handle meanwhile: with it, asking is fetching.
    """
    may_ask = _may_ask(order, searched)
    parked = searched.found is None and not may_ask
    noted = journal.note_search(order.pk, searched.result, parked=parked)
    if searched.found is not None:
        return searched.found
    return None if may_ask or noted.handle else _parked(searched)


def conclude(order: CaOrder, searched: Searched) -> Answer:
    """Return what is known of a doubtful order that nobody wants any more. Journals the search.

    Nothing found is believed, unless the policy is to park: the CA is not asked again, so at worst something
    turns up later, when the journal is compared with the CA, and is revoked.
    """
    nothing = searched.result == Search.NOTHING and registry.unknown_policy(order.ca) != registry.PARK
    journal.note_search(order.pk, searched.result, parked=searched.found is None and not nothing)
    if searched.found is not None:
        return searched.found
    return Refused(_("The order was withdrawn; the CA has not issued."), "") if nothing else _parked(searched)


def _may_ask(order: CaOrder, searched: Searched) -> bool:
    """An officer's word goes before the policy."""
    if order.may_be_asked_again:
        return True
    policy = registry.unknown_policy(order.ca)
    return policy == registry.ASK_AGAIN or (policy == registry.SEARCH and searched.result == Search.NOTHING)


def _parked(searched: Searched) -> Unknown:
    words = f"The CA may have issued ({searched.result.label}); an officer has to look at it."
    return Unknown(f"{words} {searched.detail}".strip()[: journal.DETAIL_LENGTH])
