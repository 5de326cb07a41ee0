"""Cancellation by an administrator, withdrawal by the person."""

import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import request_messages
from identity_manager.models import (
    CertificateState,
    EndReason,
    Person,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.models.requests.states import BEFORE_ISSUED
from identity_manager.models.requests.token_states import TO_BE_ISSUED
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NO_REASON, NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow.delivery import outbox_actions
from identity_manager.workflow.policy import eligibility, permitted_actions
from identity_manager.workflow.revocation import revoke

NOT_OPEN = Reason("not-open", _("This request is issued or has ended; it cannot be cancelled any more."))
NOT_WITHDRAWABLE = Reason(
    "not-withdrawable", _("This request does not wait any more, so it cannot be withdrawn.")
)


def cancelling_obstacle(request: TokenRequest) -> Reason | None:
    """Why the request cannot be cancelled by anybody, or None."""
    return None if request.state in BEFORE_ISSUED else NOT_OPEN


def cancel(*, actor: Person, request_id: uuid.UUID, reason: str) -> TokenRequest:
    """Cancel a request that is not issued yet. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        request = locking.request(request_id)
        require(
            eligibility.administers(actor, request.person),
            else_=eligibility.NOT_ADMINISTRATOR,
            kind=NotAllowed,
        )
        refuse(cancelling_obstacle(request), kind=Stale)
        require(reason.strip(), else_=NO_REASON, field="reason")

        end_request(request, actor=actor, reason=reason.strip())
        tell_of_cancellation(request, by=actor)
        return request


def tell_of_cancellation(request: TokenRequest, *, by: Person) -> None:
    """Mail the person and the requester, except the one who cancels."""
    outbox.enqueue_each(
        request_messages.request_cancelled(request, person, by=by)
        for person in dict.fromkeys((request.person, request.requested_by))
        if person != by
    )


def withdraw(*, actor: Person, request_id: uuid.UUID) -> TokenRequest:
    """The person withdraws an undecided request. Raises NotAllowed or Stale."""
    with transaction.atomic():
        request = locking.request(request_id)
        refuse(eligibility.NOT_YOURS if request.person_id != actor.pk else None, kind=NotAllowed)
        require(permitted_actions.can_be_withdrawn(request), else_=NOT_WITHDRAWABLE, kind=Stale)

        return end_request(request, actor=actor, reason=EndReason.WITHDRAWN)


def end_request(
    request: TokenRequest,
    *,
    actor: Person | None,
    reason: str,
    revocation: RevocationReason = RevocationReason.CESSATION_OF_OPERATION,
) -> TokenRequest:
    """Cancel a locked request in the caller's transaction; certificates issued for it are revoked."""
    now = timezone.now()
    request.cancel(reason=reason, now=now)
    request.save()
    for token in locking.tokens_of(request):
        if token.state in TO_BE_ISSUED:
            token.cancel(reason=reason[:300], now=now)
            token.save()
            end_certificates(token, actor=actor, reason=reason, revocation=revocation)
        elif not token.is_finished:
            revoke.end_token(token, reason=revocation, actor=actor)
    audit.record(audit.Event.REQUEST_CANCELLED, actor=actor, subject=request, reason=reason)
    return request


def end_certificates(
    token: SoftwareToken, *, actor: Person | None, reason: str, revocation: RevocationReason
) -> None:
    """End the certificates of a locked, cancelled token in the caller's transaction.

    Not ordered yet: refused; it has no key. Ordered: its key is erased, and what the CA issues is revoked
    when the answer comes.
    """
    for certificate in locking.certificates_of(token):
        if certificate.state == CertificateState.ORDERED and certificate.order_id is None:
            certificate.refuse(reason=reason)
            certificate.settle_lease()
            certificate.save()
        elif certificate.state == CertificateState.ORDERED:
            certificate.erase_key()
            certificate.save()
        elif certificate.state in (CertificateState.VALID, CertificateState.ON_HOLD):
            revoke.decide(certificate, reason=revocation, actor=actor)


def sender_obstacle(*, actor: Person, person: Person) -> Reason | None:
    """Why this officer must not have a file sent again: they made a sign-in code for the person; or None."""
    return outbox_actions.GAVE_CODE if eligibility.code_obstacle(actor, person) else None
