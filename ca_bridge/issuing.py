"""The door to certificate authorities, in three calls: journal_order, ask, record.

journal_order  in the caller's transaction: journal the order, which draft has validated and linted;
         journal_orders does so for several new orders at once, and record_issued for their certificates.
ask      outside any transaction: one attempt at the CA, under the idempotency key of the order;
         ask_together is one attempt for several new orders at CAs that issue together.
record   in the caller's transaction: journal the answer, which examine has verified.

draft and examine take milliseconds and need no locks, so they are called outside any transaction: an open
one blocks all other writers on SQLite, and other users of its rows on PostgreSQL.

Beside them: look_up for orders of ended requests; park for orders that cannot be sent; let_ask_again and
give_up, an officer's decisions on a parked order; withdraw for orders that are no longer needed; doubt after
a restore; may_have_issued and settled, the state of an order; revoke, hold, release and revoke_surplus;
forget.

Modules: orders/drafting.py builds orders; connection/exception_boundary.py turns exceptions of connectors
into answers or CaError; orders/journal.py stores orders, attempts and answers; orders/unknown_outcomes.py
decides on orders with unknown outcome; orders/results.py accepts a certificate only after
x509/verification.py has compared it with the order; orders/reconciliation.py searches the CA later for
surplus certificates.
Proven by tests/ca_bridge: test_issuing.py (every answer in every state), test_races.py,
orders/test_reconciliation.py, and for each connector connectors/test_contract.py and test_remote.py.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge import telemetry
from ca_bridge.connection import registry
from ca_bridge.connection.exception_boundary import connector_edge, repeatable_edge
from ca_bridge.contract import (
    Answer,
    Connector,
    FindsOrders,
    Issued,
    IssuesTogether,
    Pending,
    Refused,
    ReleasesHold,
    RevocationOutcome,
    RevocationReason,
    RevokesTogether,
    Unknown,
)
from ca_bridge.contract_operation import ErasesRecords
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.models import CaOrder, SurplusCertificate
from ca_bridge.orders import journal, unknown_outcomes
from ca_bridge.orders.drafting import DraftOrder, Validity, draft, journal_order, journal_orders
from ca_bridge.orders.journal import Begun
from ca_bridge.orders.results import Examined, OnSurplus, examine, nobody, record, record_issued
from ca_bridge.x509 import certificates, public_smime
from ca_bridge.x509.certificates import CertificateFacts, describe

__all__ = [
    "Begun",
    "CertificateFacts",
    "DraftOrder",
    "Examined",
    "Issued",
    "Validity",
    "ask",
    "ask_together",
    "describe",
    "doubt",
    "doubt_open_orders",
    "draft",
    "examine",
    "forget",
    "give_up",
    "hold",
    "journal_order",
    "journal_orders",
    "let_ask_again",
    "look_up",
    "may_have_issued",
    "park",
    "record",
    "record_issued",
    "release",
    "revoke",
    "revoke_many",
    "revoke_surplus",
    "settled",
    "surplus_revoked_by_hand",
    "withdraw",
]


def ask(order: UUID | journal.Begun) -> Answer:
    """Send the order to the CA once; return the answer for record(). Call it outside any transaction.

    A settled order is answered from the journal, a pending one is fetched. If an earlier attempt may have
    been issued, the CA is searched first, and the connection's policy decides
    (orders.unknown_outcomes.decide): send it again with the same key, or park it for an officer (Unknown).
    Raises CaError(permanent=False) for a transient fault.

    order: its id, or what journal_orders has begun and the caller has committed, which is not read again.
    """
    begun = journal.begin(order) if isinstance(order, UUID) else order
    if isinstance(begun, journal.Doubtful):
        known = unknown_outcomes.decide(begun.order, _searched(registry.reached(begun.order.ca), begun.order))
        if known is not None:
            return known
        begun = journal.begin_despite_unknown_outcome(begun.order.pk)
    if not isinstance(begun, journal.Begun):
        return begun
    try:
        connector = registry.reached(begun.order.ca)
        answer = _at_edge(begun.order.ca, "ask", lambda: _asked(connector, begun.order))
    except CaError as error:
        journal.record_fault(begun.attempt, error)
        raise
    return answer if begun.order.handle else journal.reconcile_duplicate_request(begun.attempt, answer)


def ask_together(several: Sequence[journal.Begun]) -> dict[UUID, Issued]:
    """Send new orders to CAs that issue for several with one call; return what they issued, by order.

    All others are to be sent with ask(): single ones, those of other CAs, and those of a CA whose call has
    failed, which is repeatable. Call it outside any transaction.
    """
    issued: dict[UUID, Issued] = {}
    for ca in {each.order.ca for each in several}:
        orders = [each.order for each in several if each.order.ca == ca]
        with suppress(CaError):
            connector = registry.reached(ca)
            if len(orders) > 1 and isinstance(connector, IssuesTogether):
                issued |= _issued_together(connector, orders)
    return issued


def _issued_together(connector: IssuesTogether, orders: Sequence[CaOrder]) -> dict[UUID, Issued]:
    """Raises CaError, also where the connector does not answer with one certificate for each order."""
    with telemetry.ca_call(orders[0].ca, "ask") as measured, repeatable_edge():
        issued = connector.issue_many([order.request for order in orders])
        if not all(isinstance(each, Issued) for each in issued):
            raise CaError.garbled("not a certificate for each order")
        by_order = {order.pk: each for order, each in zip(orders, issued, strict=True)}
        measured.outcome = journal.Outcome.ISSUED.value
        return by_order


def doubt_open_orders() -> int:
    """After a restore: have each open order looked up before it is sent again; return how many.

    If a CA cannot be searched, the connection's policy decides, as usual. In the caller's transaction.
    """
    return journal.doubt_open_orders()


def doubt(order: CaOrder) -> None:
    """The same for one order, whose idempotency key may have been used in the time lost by a restore."""
    journal.doubt(order)


def let_ask_again(order_id: UUID) -> None:
    """Release a parked order, by an officer who has looked at the CA: send it again, with the same key.

    In the caller's transaction. A CA that can be searched is searched first.
    """
    journal.let_ask_again(order_id)


def park(order_id: UUID) -> bool:
    """Park an order that must not be sent again, for an officer, in the caller's transaction.

    Returns False, without a change, if the CA has certainly not issued or has answered.
    """
    order = journal.locked(order_id)
    if not journal.may_have_issued(order):
        return False
    journal.park(order)
    order.save()
    return True


def may_have_issued(order_id: UUID) -> bool:
    """Whether a CA has issued for an order, or may have, or may yet."""
    order = journal.get(order_id)
    return order.state == CaOrder.State.ISSUED or journal.may_have_issued(order)


def settled(order_id: UUID) -> Issued | Refused | None:
    """The final answer to an order, or None."""
    return journal.settled_answer(journal.get(order_id))


def withdraw(order_id: UUID, *, because: CaError | None = None) -> CaOrder:
    """Close an order that was certainly not issued and is no longer needed, in the caller's transaction.

    because: the permanent error of its last attempt, if any.
    """
    return record(order_id, Refused(because.message, because.detail) if because else _withdrawn())


def _withdrawn() -> Refused:
    return Refused("The order was withdrawn before the CA had issued anything.", "")


def give_up(order_id: UUID) -> CaOrder:
    """Give up a parked order, by an officer, in the caller's transaction. A late certificate is revoked."""
    return record(order_id, Refused("An officer gave the order up.", ""))


def look_up(order_id: UUID) -> Answer:
    """Find out whether the CA has issued an order that is no longer needed, without sending it.

    Refused if it certainly has not; Unknown if an attempt had no answer and the CA cannot be searched, or if
    fetching a pending order would order anew.
    The answer is for record(). Call it outside any transaction. Raises CaError(permanent=False).
    """
    order = journal.get(order_id)
    settled = journal.settled_answer(order)
    if settled is not None:
        return settled
    connector = registry.reached(order.ca)
    if order.handle and not registry.fetch_orders(order.ca):
        return _at_edge(order.ca, "fetch", lambda: connector.fetch(order.request, order.handle))
    if not journal.may_have_issued(order):
        return _withdrawn()
    return unknown_outcomes.conclude(order, _searched(connector, order))


def _at_edge(ca: str, name: str, call: Callable[[], object]) -> Answer:
    """Call the connector within the exception boundary, and measure the time."""
    with telemetry.ca_call(ca, name) as measured:
        answer = _as_answer(call)
        measured.outcome = str(journal.outcome_of(answer))
        return answer


def _as_answer(call: Callable[[], object]) -> Answer:
    """Turn exceptions into answers: returns an answer, or raises a transient CaError."""
    try:
        with connector_edge():
            answer = call()
    except CaError as error:
        if not error.permanent:
            raise
        return Refused(error.message, error.detail)
    except InDoubtError as error:
        return Unknown(str(error)[: journal.DETAIL_LENGTH])
    if isinstance(answer, Issued | Pending | Refused | Unknown):
        return answer
    return Unknown(f"The connector answered with {type(answer).__name__}.")


def _searched(connector: Connector, order: CaOrder) -> unknown_outcomes.Searched:
    """Search the CA. A refused search is no evidence of absence. Raises a transient CaError."""
    if not isinstance(connector, FindsOrders):
        return unknown_outcomes.Searched(CaOrder.Search.IMPOSSIBLE)
    try:
        with telemetry.ca_call(order.ca, "find") as measured, connector_edge():
            found = connector.find(order.request)
            measured.outcome = str(CaOrder.Search.FOUND if found else CaOrder.Search.NOTHING)
    except CaError as error:
        if not error.permanent:
            raise
        return unknown_outcomes.Searched(CaOrder.Search.FAILED, detail=error.words)
    except InDoubtError as error:  # any failure: the search has no result
        return unknown_outcomes.Searched(CaOrder.Search.FAILED, detail=str(error))
    return unknown_outcomes.Searched(CaOrder.Search.FOUND if found else CaOrder.Search.NOTHING, found)


def _asked(connector: Connector, order: CaOrder) -> object:
    if order.handle:
        return connector.fetch(order.request, order.handle)
    return connector.issue(order.request)


def revoke_surplus(order_id: UUID, *, on_revoked: OnSurplus = nobody) -> int:
    """Revoke the surplus certificates of an order at its CA; return how many were revoked.

    on_revoked: called for each of them, in the transaction that stores it.
    Call it outside any transaction. Others stay flagged, with the reason; for those to be revoked by hand see
    SurplusCertificate.objects.for_manual_revocation(now). Raises CaError for a transient fault.
    """
    order, revoked = journal.get(order_id), 0
    for surplus in SurplusCertificate.objects.to_be_revoked(timezone.now()).filter(order=order):
        if _is_used(surplus.certificate):
            journal.note_unrevoked(surplus, "It is the certificate of an order.")
        else:
            revoked += _revoke_surplus(order, surplus, on_revoked)
    return revoked


def _revoke_surplus(order: CaOrder, surplus: SurplusCertificate, on_revoked: OnSurplus) -> bool:
    """Return whether it is revoked now. Raises CaError for a transient fault."""
    try:
        outcome = revoke(ca=order.ca, certificate=surplus.certificate, reason=RevocationReason.SUPERSEDED)
    except CaError as error:
        journal.note_unrevoked(surplus, error.words, by_hand=error.permanent)
        if not error.permanent:
            raise
        return False
    if outcome in {RevocationOutcome.REVOKED, RevocationOutcome.ALREADY_REVOKED}:
        with transaction.atomic():
            journal.note_revoked(surplus)
            on_revoked(order, surplus.certificate)
        return True
    is_unsupported = outcome is RevocationOutcome.UNSUPPORTED
    journal.note_unrevoked(surplus, "" if is_unsupported else outcome.value, by_hand=is_unsupported)
    return False


def surplus_revoked_by_hand(surplus: SurplusCertificate) -> None:
    """Store that a surplus certificate was revoked by hand at its CA, in the caller's transaction."""
    journal.note_revoked(surplus)


def _is_used(certificate: bytes) -> bool:
    """Whether an order uses the certificate: answers may be mixed up, and CAs revoke by serial number."""
    facts = describe(certificate)
    return CaOrder.objects.of_serial(facts.issuer, facts.serial_hex).exists()


def revoke(*, ca: str, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
    """Revoke a certificate at its CA; again is no error. Call it outside any transaction. Raises CaError."""
    connector = registry.reached(ca)
    with telemetry.ca_call(ca, "revoke") as measured, repeatable_edge():
        outcome = connector.revoke(certificate, reason)
        measured.outcome = str(outcome.value)
        return outcome


def revoke_many(
    *, ca: str, wanted: Sequence[tuple[bytes, RevocationReason]]
) -> Sequence[RevocationOutcome | CaError]:
    """As revoke, for several certificates of a CA that revokes them together; one outcome for each.

    Call it outside any transaction. Raises CaError if the outcome of all is unknown.
    """
    connector = registry.reached(ca)
    if not isinstance(connector, RevokesTogether):
        raise CaError("This connection revokes one certificate at a time.", ca, permanent=True)
    with telemetry.ca_call(ca, "revoke") as measured, repeatable_edge():
        outcomes = connector.revoke_many(wanted)
        measured.outcome = "revoked together"
        return outcomes


def hold(*, ca: str, certificate: bytes) -> RevocationOutcome:
    """Put a certificate on hold at its CA (RFC 5280 5.3.1, certificateHold); again is no error.

    UNSUPPORTED where the CA could not release it (a hold without an end would be a revocation), and for what
    must not be held by the rules for public e-mail. Call it outside any transaction. Raises CaError.
    """
    holds = isinstance(registry.reached(ca), ReleasesHold)
    if not holds or not public_smime.may_be_held(certificates.policies(certificate)):
        return RevocationOutcome.UNSUPPORTED
    return revoke(ca=ca, certificate=certificate, reason=RevocationReason.CERTIFICATE_HOLD)


def release(*, ca: str, certificate: bytes) -> bool:
    """Make a certificate that is on hold valid again; True if it was on hold. Raises CaError.

    Call it outside any transaction.
    """
    connector = registry.reached(ca)
    if not isinstance(connector, ReleasesHold):
        raise CaError(_("This CA cannot release a certificate that is on hold."), permanent=True)
    with telemetry.ca_call(ca, "release") as measured, repeatable_edge():
        released = connector.release(certificate)
        measured.outcome = "released" if released else "not on hold"
        return released


def forget(order_id: UUID) -> None:
    """Let go of what an order says about somebody, in the caller's transaction; issuer and serial stay.

    For orders that are at their end and whose certificate is revoked or has expired.
    """
    order = journal.locked(order_id)
    connector = registry.reached(order.ca) if order.ca in registry.aliases() else None
    copies = [order.certificate, *order.surplus.values_list("certificate", flat=True)]
    if isinstance(connector, ErasesRecords):
        for certificate in filter(None, copies):
            connector.forget(certificate)
    order.csr = order.certificate = b""
    order.content, order.error, order.detail = {}, "", ""
    order.compare_at = None
    order.save()
    order.surplus.update(certificate=b"", reason="", trouble="")
    order.attempts.update(detail="")
