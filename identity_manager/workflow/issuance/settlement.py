"""Settlement of one certificate: store the CA's outcome, if the claim still holds.

For certificates that step5_issue cannot settle in a group: postponed, refused or in doubt, changed meanwhile,
or of a person or request that has ended.
"""

import uuid
from enum import Enum, auto

from django.db import transaction
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.contract import Answer, RevocationReason
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder
from ca_bridge.x509 import verification
from identity_manager import audit
from identity_manager.models import (
    AuditEvent,
    BlockedKey,
    Certificate,
    CertificateState,
    PersonState,
)
from identity_manager.transactions import locking
from identity_manager.workflow import completion
from identity_manager.workflow.issuance import failures, surplus
from identity_manager.workflow.issuance.failures import Failure
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import hold, revoke


class NotNow(Enum):
    """The certificate is left to the next run: its token or its order was changed meanwhile."""

    NOT_NOW = auto()


Unsent = Failure | CaError | NotNow  # why an order does not go to its CA


def settle(
    *,
    certificate_id: uuid.UUID,
    claim_id: uuid.UUID,
    order_id: uuid.UUID,
    outcome: Answer | CaError,
    examined: issuing.Examined | None,
) -> None:
    """Settle the outcome of an order, in its own transaction.

    A worker whose claim was taken over settles nothing; the certificate that it brings is journalled, for use
    by the present claim or for revocation.
    """
    with transaction.atomic():
        certificate = locking.certificate(certificate_id)
        ours = certificate.claim_id == claim_id and certificate.state == CertificateState.ORDERED
        if isinstance(outcome, CaError) and ours:  # another worker may have journalled the answer
            outcome = issuing.settled(order_id) or outcome
        if not isinstance(outcome, CaError):
            order = issuing.record(
                order_id, outcome, late=not ours, examined=examined, on_surplus=surplus.record_found
            )
            if ours:
                _settle_answer(certificate, order)
        elif ours:
            _settle_error(certificate, outcome)


def settle_unsent(certificate: Certificate, because: Unsent) -> None:
    """Settle the lease of a locked certificate whose order does not go to its CA in this run."""
    if isinstance(because, Failure):
        failures.stop(certificate, because)
    elif isinstance(because, CaError):
        _settle_error(certificate, because)
    else:
        certificate.let_go()
        certificate.save()


def _settle_error(certificate: Certificate, error: CaError) -> None:
    """Settle an error on a locked row: retry a transient one, else park or refuse the order."""
    if not error.permanent:
        certificate.settle_later(error.words, now=timezone.now())
        certificate.save()
    elif certificate.order_id is not None and issuing.park(certificate.order_id):
        failures.stop(certificate, failures.of_refusal(certificate, message=error.message), said=error.words)
    else:
        if certificate.order_id is not None:
            issuing.withdraw(certificate.order_id, because=error)
        _refuse_by_ca(certificate, message=error.message, detail=error.detail)


def _refuse_by_ca(certificate: Certificate, *, message: str, detail: str) -> None:
    """Refuse a locked certificate for good, with the words of the CA or the lint."""
    refusal = failures.of_refusal(certificate, message=message)
    failures.refuse(certificate, refusal, said=message, detail=detail)


def _settle_answer(certificate: Certificate, order: CaOrder) -> None:
    match order.state:
        case CaOrder.State.ISSUED:
            _settle_issued(certificate, order)
        case CaOrder.State.REFUSED:
            _refuse_by_ca(certificate, message=order.error, detail=order.detail)
        case _:
            promised = order.ask_not_before if order.state == CaOrder.State.PENDING else None
            certificate.settle_later(order.detail, now=timezone.now(), not_before=promised)
            certificate.save()


def _settle_issued(certificate: Certificate, order: CaOrder) -> None:
    """Store an issued certificate; revoke it if nobody may have it, hold it during a leave."""
    issued = order.certificate or b""
    events = mark_issued(certificate, order, issuing.describe(issued))
    certificate.save()
    audit.append(events)
    token = certificate.token
    if not certificate.is_wanted:
        _revoke_unwanted(certificate)
    elif token.person.state == PersonState.LOCKED:
        _revoke_unwanted(certificate)
        failures.fail_request(token, failures.of_reason(eligibility.NOT_ACTIVE[PersonState.LOCKED]))
    elif token.person.state == PersonState.INACTIVE:
        hold.decide(certificate, wanted=True)
    else:
        completion.seal_when_complete(token)


def mark_issued(
    certificate: Certificate, order: CaOrder, facts: issuing.CertificateFacts
) -> list[AuditEvent]:
    """Transition a locked row to valid, unsaved; return the audit events.

    A CA may shorten the validity: the certificate is used, and marked as shorter than ordered.
    """
    certificate.issue(certificate=order.certificate or b"", facts=facts)
    certificate.settle_lease()
    events = [
        audit.event_about(
            audit.Event.CERTIFICATE_ISSUED,
            actor=None,
            subject=certificate.token,
            certificate=str(certificate.pk),
            serial=certificate.serial,
            issuer=certificate.issuer,
            public_key=certificate.public_key_sha256,
        )
    ]
    if facts.not_after < order.not_after - verification.SHORTER:
        certificate.shorter_than = order.not_after
        events.append(_shorter(certificate, facts, order))
    return events


def _shorter(certificate: Certificate, facts: issuing.CertificateFacts, order: CaOrder) -> AuditEvent:
    return audit.event_about(
        audit.Event.CERTIFICATE_SHORTER,
        actor=None,
        subject=certificate.token,
        certificate=str(certificate.pk),
        serial=facts.serial_hex,
        until=facts.not_after.isoformat(),
        ordered=order.not_after.isoformat(),
    )


def _revoke_unwanted(certificate: Certificate) -> None:
    """Decide to revoke a certificate that was issued for a Locked person or an ended request."""
    is_blocked = BlockedKey.objects.filter(pk=certificate.public_key_sha256).exists()
    reason = RevocationReason.KEY_COMPROMISE if is_blocked else RevocationReason.CESSATION_OF_OPERATION
    revoke.decide(certificate, reason=reason, actor=None)
