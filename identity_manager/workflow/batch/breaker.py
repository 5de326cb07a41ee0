"""Limit on mass revocations by batch orders: beyond it, an order waits for a second officer.

Counted together: what was revoked in the last 24 hours by whatever way, what orders that run have still to
revoke, and the order itself. So many small orders are one large one.
"""

from functools import partial

from django.utils.formats import number_format

from identity_manager.models import BatchLine, BatchOrder, BatchState, LineOutcome
from identity_manager.models.batch.order import STARTED
from identity_manager.transactions import advisory_locks
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.batch.kinds import kind_of

PERCENT = 5
ALWAYS_LET_THROUGH = 5  # in all, so that a small house can revoke a handful


def reason_to_wait(order: BatchOrder, ready: int) -> Reason | None:
    """Why a second officer has to confirm the locked order, or None.

    Starts of such orders go one after another until the transaction ends, so that none overlooks another.
    """
    breaker = kind_of(order).breaker
    if breaker is None or not ready:
        return None
    advisory_locks.breaker_of_orders()
    lately, pending = breaker.lately(), _pending(order, breaker.kinds)
    number, total = lately + pending + ready, breaker.standing() + lately
    if number <= ALWAYS_LET_THROUGH or number * 100 <= PERCENT * total:
        return None
    grouped = partial(number_format, force_grouping=True)
    facts = {"number": grouped(number), "all": grouped(total), "percent": PERCENT}
    return Reason(breaker.code, str(breaker.sentence) % facts)


def _pending(order: BatchOrder, kinds: frozenset[str]) -> int:
    """Lines that other orders have still to do."""
    others = BatchOrder.objects.filter(kind__in=kinds, state__in=(*STARTED, BatchState.WAITING))
    others = others.exclude(pk=order.pk).order_by()
    return BatchLine.objects.filter(order__in=others.values("pk"), outcome=LineOutcome.READY).count()
