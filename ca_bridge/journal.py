"""The journal: orders and attempts, written before a CA is asked and after it has answered."""

from dataclasses import dataclass
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from ca_bridge.contract import Answer, Issued, Pending, Refused, Unknown
from ca_bridge.errors import CaError
from ca_bridge.models import CaAttempt, CaOrder, SurplusCertificate

Outcome = CaAttempt.Outcome
DETAIL_LENGTH = 2000


def get(order_id: UUID) -> CaOrder:
    """Return the order as it stands. Raises CaError, permanent, where there is none."""
    return _only(CaOrder.objects.filter(pk=order_id))


def locked(order_id: UUID) -> CaOrder:
    """Return the order fresh and locked until the caller's transaction ends (PostgreSQL)."""
    return _only(CaOrder.objects.select_for_update().filter(pk=order_id))


def _only(orders: models.QuerySet[CaOrder]) -> CaOrder:
    order = orders.first()
    if order is None:
        raise CaError("There is no such order.", permanent=True)
    return order


def is_doubtful(order: CaOrder) -> bool:
    """Whether the CA was asked once without an answer that can be believed: it may have issued."""
    return order.attempts.filter(outcome__in=["", Outcome.UNKNOWN]).exists()


@dataclass(frozen=True, slots=True)
class Begun:
    """The order as it stands, whether an earlier attempt may have been issued, and the attempt begun."""

    order: CaOrder
    doubtful: bool
    attempt: CaAttempt


def begin(order_id: UUID) -> Begun | Issued | Refused:
    """Write down, in a transaction of its own, that the CA is about to be asked, or return its answer."""
    with transaction.atomic(durable=True):
        order = locked(order_id)
        settled = settled_answer(order)
        if settled is not None:
            return settled
        doubtful = is_doubtful(order)
        if order.state != CaOrder.State.PENDING:
            order.mark_asked()
            order.save()
        return Begun(order, doubtful, CaAttempt.objects.create(order=order))


def record_fault(attempt: CaAttempt, fault: CaError) -> None:
    """Write down a passing fault, in a transaction of its own."""
    with transaction.atomic(durable=True):
        order = locked(attempt.order_id)
        order.error, order.detail = fault.message, fault.detail[:DETAIL_LENGTH]
        order.save()
        _close(attempt, Outcome.FAULT, fault.detail or fault.message)


def close_attempt(order: CaOrder, answer: Answer) -> None:
    """Write the answer to the latest attempt that waits for one."""
    attempt = order.attempts.filter(answered_at=None).last()
    if attempt is not None:
        _close(attempt, outcome_of(answer), getattr(answer, "detail", ""))


def _close(attempt: CaAttempt, outcome: Outcome, detail: str) -> None:
    attempt.answered_at, attempt.outcome, attempt.detail = timezone.now(), outcome, detail[:DETAIL_LENGTH]
    attempt.save(update_fields=["answered_at", "outcome", "detail"])


def outcome_of(answer: Answer) -> Outcome:
    """Return the journal's word for an answer."""
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
    """Return the final answer of the order, where it has one."""
    if order.state == CaOrder.State.ISSUED:
        return Issued(order.certificate, order.chain)
    if order.state == CaOrder.State.REFUSED:
        return Refused(order.error, order.detail)
    return None


def flag_surplus(order: CaOrder, certificate: bytes, *, fingerprint: str, reason: str) -> None:
    """Note a certificate that must be revoked because nobody will use it. Twice is once."""
    SurplusCertificate.objects.get_or_create(
        sha256_fingerprint=fingerprint,
        defaults={"order": order, "certificate": certificate, "reason": reason[:DETAIL_LENGTH]},
    )
