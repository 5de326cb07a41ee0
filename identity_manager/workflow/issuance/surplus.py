"""What a CA issued beside what is used: revoked there, or left to an officer where the CA cannot be told, or
refused for good.

An officer has it revoked at the CA by hand, and says so here; a CA that can be asked whether it was done is
asked now and then, and its word counts too.
"""

import uuid

from django.db import transaction
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.models import SurplusCertificate
from identity_manager import audit
from identity_manager.models import Person, SurplusByHand
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, require
from identity_manager.workflow.issuance import order_lookup
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import revoke


def revoke_of_order(order_id: uuid.UUID) -> int:
    """Have the CA revoke what is surplus of an order; return how many it revoked.

    Call it outside any transaction. Raises CaError for a passing fault.
    """
    try:
        return issuing.revoke_surplus(order_id)
    finally:  # what is left to hands is told, whatever became of the others
        for flagged in SurplusCertificate.objects.left_to_hands().filter(order_id=order_id):
            _leave_to_hands(flagged)


def _leave_to_hands(flagged: SurplusCertificate) -> None:
    """Once: later looks at it find its row."""
    certificate = order_lookup.certificate_of(flagged.order)
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
            _tell(audit.Event.SURPLUS_LEFT_TO_HANDS, row, actor=None)


def by_hand_obstacle(row: SurplusByHand) -> Reason | None:
    """Why nobody's hand is needed to revoke what is surplus, or None."""
    rows = SurplusByHand.objects.to_be_revoked(timezone.now())
    return None if rows.filter(pk=row.pk).exists() else revoke.NOT_BY_HAND


def done_by_hand(*, actor: Person, surplus_id: uuid.UUID) -> SurplusByHand:
    """An officer says that it was revoked at its CA, which cannot be told from here.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        certificate = locking.certificate(SurplusByHand.objects.get(pk=surplus_id).certificate_id)
        administers = eligibility.administers(actor, certificate.token.person)
        require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        waiting = SurplusByHand.objects.to_be_revoked(timezone.now()).select_related("flagged__order")
        row = waiting.filter(pk=surplus_id).first()
        if row is None:
            raise Stale(revoke.NOT_BY_HAND)

        issuing.surplus_revoked_by_hand(row.flagged)
        _tell(audit.Event.SURPLUS_REVOKED_BY_HAND, row, actor=actor)
        return row


def _tell(event: audit.Event, row: SurplusByHand, *, actor: Person | None) -> None:
    audit.record(
        event,
        actor=actor,
        subject=row.certificate.token,
        certificate=str(row.certificate.pk),
        serial=row.serial,
        issuer=row.issuer,
        ca=row.flagged.order.ca,
    )
