"""Journalling of orders: written with the wrapped keys of claimed certificates, before a CA is asked."""

from collections.abc import Sequence

from django.db import transaction

from ca_bridge import issuing
from ca_bridge.database.state_machine import save_many
from ca_bridge.errors import CaError
from ca_bridge.keys import keys
from ca_bridge.models import CaOrder
from identity_manager import audit
from identity_manager.models import AuditEvent, Certificate, CertificateState
from identity_manager.transactions import issuance_locks, locking
from identity_manager.transactions.retry_later import error_of
from identity_manager.workflow import snapshot
from identity_manager.workflow.issuance import drafting, failures, settlement
from identity_manager.workflow.issuance.claims import ClaimedCertificate, ClaimedToken
from identity_manager.workflow.issuance.drafting import DraftCertificate
from identity_manager.workflow.issuance.failures import Failure
from identity_manager.workflow.issuance.settlement import NotNow, Unsent
from identity_manager.workflow.policy import eligibility


def draft(each: ClaimedCertificate) -> None:
    """Draft a key and an order for a certificate that has none."""
    if each.row.order_id is None:
        each.draft = drafting.draft(each.row)


def is_plain(token: ClaimedToken) -> bool:
    """Whether the token's orders can be journalled in a group: none has an obstacle or a drafting error.

    One that raises an error is not: alone it meets the error again, which is then stored on its row.
    """
    plain = list[bool]()
    error = error_of(lambda: plain.append(all(map(_is_plain, token.claimed))))
    return error is None and plain[0]


def _is_plain(each: ClaimedCertificate) -> bool:
    drafted = each.draft is None or isinstance(each.draft.order, issuing.DraftOrder)
    return drafted and _obstacle(each.row) is None and not issuance_locks.is_from_before_a_restore(each.row)


def order_together(tokens: Sequence[ClaimedToken]) -> list[ClaimedToken]:
    """Journal the orders of several tokens in one transaction (group commit); return the tokens done.

    Tokens whose rows were changed meanwhile are skipped. Any other error is raised and rolls back all.
    """
    with transaction.atomic():
        current = issuance_locks.unchanged(row for token in tokens for row in token.certificates)
        ours = [token for token in tokens if token.token.pk in current]
        new = [each for token in ours for each in token.claimed if each.draft is not None]
        drafts = [each.draft.order for each in new if each.draft]
        orders = issuing.journal_orders([each for each in drafts if isinstance(each, issuing.DraftOrder)])
        events = []
        for each, order in zip(new, orders, strict=True):
            each.begun = order if isinstance(order, issuing.Begun) else None
            events.append(_bind(each, order.order if isinstance(order, issuing.Begun) else order))
        save_many([each.row for each in new])
        audit.append(events)
    return ours


def order_alone(token: ClaimedToken) -> None:
    """Journal the orders of one token, each in its own transaction, or settle the obstacle."""
    token.claimed = [each for each in token.claimed if _is_ordered(each)]
    if token.claimed:
        token.read_again()


def _is_ordered(each: ClaimedCertificate) -> bool:
    """Journal the certificate's order if needed; return whether there is one to send to the CA."""
    each.begun = each.key = None
    with transaction.atomic():
        row = locking.certificate(each.row.pk)
        if row.claim_id != each.claim_id or row.state != CertificateState.ORDERED:
            return False
        because = _hindrance(row) or (_journal(each, row) if row.order_id is None else None)
        if because is not None:
            settlement.settle_unsent(row, because)
        return because is None


def _hindrance(row: Certificate) -> Unsent | None:
    """Why nothing may be ordered for the locked certificate now, or None."""
    return _obstacle(row) if row.is_to_be_issued else NotNow.NOT_NOW


def _journal(each: ClaimedCertificate, row: Certificate) -> Unsent | None:
    """Journal the drafted order; return why that was not possible, with nothing journalled, or None."""
    if each.draft is None or each.draft.wanted != drafting.wanted(row):
        return NotNow.NOT_NOW
    try:
        order = _prepared(each.draft)
    except CaError as error:
        return error
    if AuditEvent.objects.of_restores().filter(pk__gt=row.pk).exists():
        issuing.doubt(order)  # the CA may have issued this order before the restore
    each.row = row
    event = _bind(each, order)
    row.save()
    audit.append([event])
    return None


def _prepared(draft: DraftCertificate) -> CaOrder:
    """Journal the draft as a prepared order. Raises CaError."""
    if isinstance(draft.order, CaError):
        raise draft.order
    return issuing.journal_order(draft.order)


def _bind(each: ClaimedCertificate, order: CaOrder) -> AuditEvent:
    """Put order and wrapped key onto the row, unsaved; return the audit event."""
    if each.draft is None:
        raise ValueError("No order was drafted.")
    row, each.key = each.row, each.draft.key
    row.order = order
    row.orders_made += 1
    row.public_key_sha256 = keys.public_key_sha256(each.key).hex()
    row.private_key_wrapped = each.draft.wrapped
    return audit.event_about(
        audit.Event.KEY_BOUND,
        actor=None,
        subject=row.token,
        certificate=str(row.pk),
        public_key=row.public_key_sha256,
    )


def _obstacle(certificate: Certificate) -> Failure | None:
    """Why the certificate must not be ordered (person not Active, or not as in the snapshot), or None."""
    reason = eligibility.person_obstacle(certificate.token.person)
    if reason is not None:
        return failures.of_reason(reason)
    changed = snapshot.differences([certificate.token])
    return failures.of_change(changed) if changed else None
