"""Surplus certificates, issued beside the one in use: revoked at the CA, by its interface or by hand.

If the CA has no interface for revocation, or refuses for good, an officer revokes there and confirms it here.
A CA that can be asked for the state is asked now and then, and its answer closes the task as well.
"""

import uuid

from django.db import transaction
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.models import CaOrder, SurplusCertificate
from identity_manager import audit
from identity_manager.models import Certificate, Person, SurplusByHand
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import revoke


def revoke_of_order(order_id: uuid.UUID) -> int:
    """Revoke the surplus certificates of an order at its CA, outside any transaction; return how many.

    Raises CaError for a transient fault.
    """
    try:
        return issuing.revoke_surplus(order_id, on_revoked=_record_revoked)
    finally:  # also after an error: record those that need revocation by hand
        by_hand = SurplusCertificate.objects.for_manual_revocation(timezone.now())
        for flagged in by_hand.filter(order_id=order_id):
            _leave_to_hands(flagged)


def certificate_of(order: CaOrder) -> Certificate | None:
    """The certificate that an order was made for, also an order that a retry has replaced."""
    certificate_id, _dot, _number = order.idempotency_key.partition(".")
    return Certificate.objects.filter(pk=uuid.UUID(certificate_id)).first()


def record_found(order: CaOrder, der: bytes) -> None:
    """Record a certificate that was flagged as surplus, in the caller's transaction.

    It came late to a worker, is not as ordered, or was found by a comparison.
    """
    _record_of_order(audit.Event.SURPLUS_FOUND, order, der)


def _record_revoked(order: CaOrder, der: bytes) -> None:
    _record_of_order(audit.Event.SURPLUS_REVOKED, order, der)


def _record_of_order(event: audit.Event, order: CaOrder, der: bytes) -> None:
    certificate, facts = certificate_of(order), issuing.describe(der)
    if certificate is not None:
        audit.record(
            event,
            actor=None,
            subject=certificate.token,
            certificate=str(certificate.pk),
            serial=facts.serial_hex,
            issuer=facts.issuer,
            ca=order.ca,
        )


def _leave_to_hands(flagged: SurplusCertificate) -> None:
    """Open the task to revoke by hand, once for each certificate."""
    certificate = certificate_of(flagged.order)
    if certificate is None:
        return
    facts = issuing.describe(flagged.certificate)
    with transaction.atomic():
        row, is_new = SurplusByHand.objects.get_or_create(
            flagged=flagged,
            defaults={
                "certificate": certificate,
                "serial": facts.serial_hex,
                "issuer": facts.issuer,
                "not_after": facts.not_after,
            },
        )
        if is_new:
            _record(audit.Event.SURPLUS_LEFT_TO_HANDS, row, actor=None)


def by_hand_obstacle(row: SurplusByHand) -> Reason | None:
    """Why the surplus certificate needs no revocation by hand, or None."""
    rows = SurplusByHand.objects.to_be_revoked(timezone.now())
    return None if rows.filter(pk=row.pk).exists() else revoke.NOT_BY_HAND


def done_by_hand(*, actor: Person, surplus_id: uuid.UUID) -> SurplusByHand:
    """Confirm that an officer has revoked a surplus certificate at the CA by hand.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        certificate = locking.certificate(SurplusByHand.objects.get(pk=surplus_id).certificate_id)
        administers = eligibility.administers(actor, certificate.token.person)
        require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(
            eligibility.YOUR_OWN_TOKEN if actor.pk == certificate.token.person_id else None,
            kind=NotAllowed,
        )
        waiting = SurplusByHand.objects.to_be_revoked(timezone.now()).select_related("flagged__order")
        row = waiting.filter(pk=surplus_id).first()
        if row is None:
            raise Stale(revoke.NOT_BY_HAND)

        issuing.surplus_revoked_by_hand(row.flagged)
        _record(audit.Event.SURPLUS_REVOKED_BY_HAND, row, actor=actor)
        return row


def _record(event: audit.Event, row: SurplusByHand, *, actor: Person | None) -> None:
    audit.record(
        event,
        actor=actor,
        subject=row.certificate.token,
        certificate=str(row.certificate.pk),
        serial=row.serial,
        issuer=row.issuer,
        ca=row.flagged.order.ca,
    )
