"""The journal: orders and attempts, written before a CA is asked and after it has answered.

An attempt without an outcome is left by a crash: then begin() returns Doubtful, and unknown_outcomes.py
decides. Proven in tests/ca_bridge: orders/test_journal.py, test_issuing.py and test_races.py.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge.contract import Answer, Issued, Pending, Refused, Unknown
from ca_bridge.database.prepared_queries import Statement
from ca_bridge.errors import CaError
from ca_bridge.models import CaAttempt, CaOrder, SurplusCertificate
from ca_bridge.x509.certificates import describe

_ORDER = Statement[CaOrder](lambda pk: CaOrder.objects.filter(pk=pk), pk=models.UUIDField())
_LOCKED_ORDER = Statement[CaOrder](
    lambda pk: CaOrder.objects.select_for_update(no_key=True).filter(pk=pk), pk=models.UUIDField()
)
_OF_KEYS = Statement[CaOrder](
    lambda idempotency_key, public_key: CaOrder.objects.filter(
        Q(idempotency_key=idempotency_key) | Q(public_key_sha256=public_key)
    ),
    idempotency_key=models.CharField(),
    public_key=models.BinaryField(),
)


Outcome = CaAttempt.Outcome
DETAIL_LENGTH = 2000
FETCHES_IN_VAIN = 5  # then an officer has to look
# A CA may issue long after it was asked in vain: how long after the doubt it is compared with the journal,
# and how long after each comparison the next one is.
COMPARISONS = (timedelta(minutes=10), timedelta(hours=1), timedelta(days=1), timedelta(days=7))


def get(order_id: UUID) -> CaOrder:
    """Return the present order. Raises CaError, permanent, if there is none."""
    return _only(_ORDER, order_id)


def locked(order_id: UUID) -> CaOrder:
    """Return the order fresh and locked until the caller's transaction ends (PostgreSQL)."""
    return _only(_LOCKED_ORDER, order_id)


def _only(orders: Statement[CaOrder], order_id: UUID) -> CaOrder:
    order = orders.first(pk=order_id)
    if order is None:
        raise CaError("There is no such order.", permanent=True)
    return order


def known(idempotency_key: str, key_sha256: bytes) -> CaOrder | None:
    """The order with this idempotency key, or None. Raises CaError if the key belongs to another order."""
    found = _OF_KEYS.rows(idempotency_key=idempotency_key, public_key=key_sha256)
    orders = {order.idempotency_key: order for order in found}
    if orders and idempotency_key not in orders:
        raise CaError(_("This key has been used for another certificate."), permanent=True)
    return orders.get(idempotency_key)


def is_doubtful(order: CaOrder) -> bool:
    """Whether an attempt had no usable answer, so that the CA may have issued."""
    if order.state == CaOrder.State.PREPARED:
        return False
    return order.attempts.filter(outcome__in=["", Outcome.UNKNOWN]).exists()


def may_have_issued(order: CaOrder) -> bool:
    """Whether the CA may have issued, or may still issue, an open order: pending or in doubt."""
    if order.state not in CaOrder.OPEN:
        return False
    promised = order.state in (CaOrder.State.PENDING, CaOrder.State.UNKNOWN) or bool(order.handle)
    return promised or is_doubtful(order)


@dataclass(frozen=True, slots=True)
class Begun:
    """The present order, with an attempt that has begun."""

    order: CaOrder
    attempt: CaAttempt


@dataclass(frozen=True, slots=True)
class Doubtful:
    """The present order, without a new attempt: an earlier one may have been issued."""

    order: CaOrder


def begin(order_id: UUID) -> Begun | Doubtful | Issued | Refused:
    """Journal a new attempt before the CA is asked, in its own transaction; or return the known answer.

    An order with a handle is fetched by it, and is never in doubt.
    """
    with transaction.atomic(durable=True):
        order = locked(order_id)
        if not order.handle and order.state in CaOrder.OPEN and is_doubtful(order):
            return Doubtful(order)
        return settled_answer(order) or _begin(order)


def begin_many(orders: Sequence[CaOrder]) -> dict[UUID, Begun]:
    """Journal attempts of new orders, in the caller's transaction, which journals the orders as asked."""
    attempts = CaAttempt.objects.bulk_create(CaAttempt(order=order) for order in orders)
    return {attempt.order_id: Begun(attempt.order, attempt) for attempt in attempts}


def begin_despite_unknown_outcome(order_id: UUID) -> Begun | Issued | Refused:
    """Journal a new attempt although an earlier one may have been issued; reconciliation is scheduled."""
    with transaction.atomic(durable=True):
        order = locked(order_id)
        return settled_answer(order) or _begin(order)


def _begin(order: CaOrder) -> Begun:
    if order.state != CaOrder.State.PENDING:
        parked_at = order.parked_at
        order.mark_asked()
        if order.handle:  # fetched at each try, while an officer may decide
            order.parked_at = parked_at
        order.save()
    return Begun(order, CaAttempt.objects.create(order=order))


def note_search(order_id: UUID, result: CaOrder.Search, *, parked: bool) -> CaOrder:
    """Journal the result of a search for a doubtful order, in its own transaction; return the order.

    parked: whether an officer has to decide now. An order that was settled meanwhile is left alone; one that
    got a handle meanwhile, from a worker whose claim was taken over, is fetched by it.
    """
    with transaction.atomic(durable=True):
        order = locked(order_id)
        if order.state in CaOrder.OPEN:
            now = timezone.now()
            order.searched_at, order.search = now, result
            order.parked_at = (order.parked_at or now) if parked and not order.handle else None
            order.compare_at = _first_comparison(order)
            order.save()
        return order


def _first_comparison(order: CaOrder) -> datetime:
    """The time of an order's first reconciliation, which takes place after it is settled."""
    return order.compare_at or timezone.now() + COMPARISONS[0]


def compare_after_refusal(order: CaOrder) -> None:
    """Have a refused order compared with its CA, which may issue for it all the same; unsaved."""
    order.compare_at = _first_comparison(order)


def park(order: CaOrder) -> None:
    """Park a locked order that cannot be looked up, for an officer; unsaved."""
    order.search, order.searched_at = CaOrder.Search.FAILED, timezone.now()
    order.parked_at = order.parked_at or order.searched_at
    order.compare_at = _first_comparison(order)


def park_after(order: CaOrder) -> None:
    """Park it after its handle has brought no answer several times since the last one."""
    unknown = order.attempts.filter(outcome=Outcome.UNKNOWN)
    put_off = order.attempts.filter(outcome=Outcome.PENDING).order_by("asked_at").last()
    since = unknown.filter(asked_at__gt=put_off.asked_at) if put_off else unknown
    if since.count() >= FETCHES_IN_VAIN:
        park(order)


def doubt_open_orders() -> int:
    """Journal an attempt without an answer for every open order, after a restore; return how many.

    As after a crash, the CA is then searched before an order is sent again. Pending orders with a handle are
    fetched anyway.
    """
    opened = CaOrder.objects.filter(state__in=CaOrder.OPEN)
    orders = opened.exclude(state=CaOrder.State.PENDING, handle__gt="")
    for order in orders:
        doubt(order)
    return len(orders)


def doubt(order: CaOrder) -> None:
    """Journal an attempt without an answer for one order, which may have been sent before a restore."""
    order.mark_asked()
    order.save()
    CaAttempt.objects.create(order=order)


def record_fault(attempt: CaAttempt, fault: CaError) -> None:
    """Journal a transient fault, in its own transaction. An order that was settled meanwhile is unchanged."""
    with transaction.atomic(durable=True):
        order = locked(attempt.order_id)
        if order.state in CaOrder.OPEN:
            order.error, order.detail = fault.message, fault.detail[:DETAIL_LENGTH]
            order.save()
        attempts = CaAttempt.objects.filter(pk=attempt.pk)
        attempts.update(**_closed(Outcome.FAULT, fault.detail or fault.message))


def reconcile_duplicate_request(attempt: CaAttempt, answer: Answer) -> Answer:
    """Adjust the answer to an order that another worker may have sent too, in its own transaction.

    If a worker whose claim was taken over has brought a handle (Pending), the order was sent twice. The first
    handle stays and is fetched. A refusal of the second order does not count, and a second handle,
    which is never fetched, leaves doubt. A certificate counts.
    """
    if isinstance(answer, Issued):
        return answer
    with transaction.atomic(durable=True):
        order = locked(attempt.order_id)
        if not order.handle or order.handle == getattr(answer, "handle", ""):
            return answer
        outcome = Outcome.REFUSED if isinstance(answer, Refused) else Outcome.UNKNOWN
        CaAttempt.objects.filter(pk=attempt.pk).update(
            **_closed(outcome, "It was asked for twice; the first promise is fetched.")
        )
        return Pending(order.handle, order.ask_not_before or timezone.now())


def close_attempt(order: CaOrder, answer: Answer, *, late: bool = False) -> None:
    """Store the answer on the latest attempt without one; late: on the earliest."""
    waiting = CaAttempt.objects.filter(order=order, answered_at=None)
    first = waiting.order_by("asked_at", "pk") if late else waiting.order_by("-asked_at", "-pk")
    closed = _closed(outcome_of(answer), getattr(answer, "detail", ""))
    CaAttempt.objects.filter(pk__in=first.values("pk")[:1]).update(**closed)


def close_issued(attempts: Collection[CaAttempt]) -> None:
    """Store that each of these attempts has brought a certificate."""
    if attempts:
        rows = CaAttempt.objects.filter(pk__in=[attempt.pk for attempt in attempts])
        rows.update(**_closed(Outcome.ISSUED, ""))


def _closed(outcome: Outcome, detail: str) -> dict[str, Any]:
    return {"answered_at": timezone.now(), "outcome": outcome, "detail": detail[:DETAIL_LENGTH]}


def outcome_of(answer: Answer) -> Outcome:
    """Return the attempt's outcome for an answer."""
    match answer:
        case Issued():
            return Outcome.ISSUED
        case Pending():
            return Outcome.PENDING
        case Refused():
            return Outcome.REFUSED
        case Unknown():
            return Outcome.UNKNOWN


def settled_answer(order: CaOrder) -> Issued | Refused | None:
    """Return the final answer of the order, or None."""
    if order.state == CaOrder.State.ISSUED:
        return Issued(order.certificate, order.chain)
    if order.state == CaOrder.State.REFUSED:
        return Refused(order.error, order.detail)
    return None


def flag_surplus(
    order: CaOrder, certificate: bytes, *, fingerprint: str, not_after: datetime, reason: str
) -> bool:
    """Flag a surplus certificate for revocation; False where it was flagged before."""
    noted = {"order": order, "certificate": certificate, "reason": reason[:DETAIL_LENGTH]}
    _row, is_new = SurplusCertificate.objects.get_or_create(
        sha256_fingerprint=fingerprint, defaults=noted | {"not_after": not_after}
    )
    return is_new


def note_revoked(surplus: SurplusCertificate) -> None:
    """Store that a surplus certificate is revoked."""
    now = timezone.now()
    surplus.tried_at, surplus.trouble, surplus.revoked_at = now, "", now
    surplus.save(update_fields=["tried_at", "trouble", "revoked_at"])


def note_unrevoked(surplus: SurplusCertificate, said: str, *, by_hand: bool = False) -> None:
    """Store that a surplus certificate was not revoked; by_hand: its CA never will by its interface."""
    now = timezone.now()
    surplus.tried_at, surplus.trouble = now, said[:DETAIL_LENGTH]
    surplus.not_after = describe(surplus.certificate).not_after
    if by_hand and surplus.by_hand_since is None:
        surplus.by_hand_since = now
    surplus.save(update_fields=["tried_at", "trouble", "by_hand_since", "not_after"])


def let_ask_again(order_id: UUID) -> None:
    """Release a parked order to be sent again, without its handle, in the caller's transaction."""
    order = locked(order_id)
    order.may_be_asked_again, order.parked_at, order.handle = True, None, ""
    order.save()


def note_comparison(order: CaOrder, result: CaOrder.Comparison | None) -> None:
    """Store the result of a reconciliation and the time of the next one; None: it was postponed."""
    now = timezone.now()
    if result is not None:
        order.comparisons += 1
        order.compared_at, order.comparison = now, result
    rest = COMPARISONS[order.comparisons :]
    order.compare_at = now + rest[0] if rest else None
    order.save()
