"""Partial issue: one certificate of a request was refused for good, others were issued, by several CAs.

Beside a retry an officer decides: the person gets the others (issue_remaining), or they are revoked
(revoke_all). Both lock the request, so that one of two officers decides, and answers of CAs are settled
before or after.
"""

import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import request_messages
from identity_manager.models import (
    Certificate,
    CertificateState,
    Person,
    RequestState,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.models.requests.token_states import TO_BE_ISSUED
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NO_REASON, NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow import completion
from identity_manager.workflow.issuance import retry
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.requests import cancellation
from identity_manager.workflow.revocation import revoke

NO_REST = Reason("no-rest", _("Nothing of this request is left to be given. Try again, or cancel it."))
NOTHING_REFUSED = Reason(
    "nothing-refused", _("Nothing of this request was refused by a certificate authority. Try again instead.")
)
KEPT = (CertificateState.ORDERED, CertificateState.VALID, CertificateState.ON_HOLD)


def has_a_rest(certificates: list[Certificate]) -> bool:
    """Whether one of these certificates was refused and another one is issued or under way."""
    states = {row.state for row in certificates if row.left_out_at is None}
    return CertificateState.REFUSED in states and not states.isdisjoint(KEPT)


def obstacle(request: TokenRequest) -> Reason | None:
    """Why the request needs no decision on partial issue, for any actor, or None."""
    return None if request.state == RequestState.FAILED else retry.NOT_FAILED


def issue_remaining(*, actor: Person, request_id: uuid.UUID, reason: str) -> TokenRequest:
    """Give the person the certificates that were not refused; cancel tokens that have none left.

    Raises NotAllowed, NotPossible or Stale.
    """
    with transaction.atomic():
        request, lines = _failed(actor, request_id, reason)

        retry.back_to_issuing(request, lines)
        left_out = [row for token in lines for row in _leave_out(token, reason=reason.strip())]
        codes = [row.profile.code for row in left_out]
        audit.record(
            audit.Event.REQUEST_REST_GIVEN, actor=actor, subject=request, reason=reason, left_out=codes
        )
        given = [row for token in lines for row in locking.certificates_of(token) if row.state in KEPT]
        outbox.enqueue(request_messages.rest_given(request, given=given, left_out=left_out))
        for token in lines:
            retry.resume_issuance(token)
            audit.append(completion.issue_request(token))
        return request


def revoke_all(*, actor: Person, request_id: uuid.UUID, reason: str) -> TokenRequest:
    """Revoke all issued certificates of the request, also those in use, and cancel it.

    Raises NotAllowed, NotPossible or Stale.
    """
    with transaction.atomic():
        request, lines = _failed(actor, request_id, reason)
        issued = [row.serial for token in lines for row in locking.certificates_of(token) if row.serial]

        for token in lines:
            if token.is_in_use and token.is_finished:
                revoke.end_token(token, reason=RevocationReason.CESSATION_OF_OPERATION, actor=actor)
        cancellation.end_request(request, actor=actor, reason=reason.strip())
        cancellation.tell_of_cancellation(request, by=actor)
        audit.record(
            audit.Event.REQUEST_REST_REVOKED, actor=actor, subject=request, reason=reason, serials=issued
        )
        return request


def _failed(actor: Person, request_id: uuid.UUID, reason: str) -> tuple[TokenRequest, list[SoftwareToken]]:
    """Lock a failed request and its lines. Raises NotAllowed, NotPossible or Stale."""
    request = locking.request(request_id)
    require(
        eligibility.administers(actor, request.person),
        else_=eligibility.NOT_ADMINISTRATOR,
        kind=NotAllowed,
    )
    refuse(obstacle(request), kind=Stale)
    require(reason.strip(), else_=NO_REASON, field="reason")
    lines = locking.lines_of(request)
    rows = [row for token in lines for row in locking.certificates_of(token)]
    require(any(row.is_to_be_retried for row in rows), else_=NOTHING_REFUSED)
    require(has_a_rest(rows), else_=NO_REST)
    return request, lines


def _leave_out(token: SoftwareToken, *, reason: str) -> list[Certificate]:
    """Mark the refused certificates of a token as left out; return them."""
    now = timezone.now()
    rows = locking.certificates_of(token)
    refused = [row for row in rows if row.is_to_be_retried]
    for row in refused:
        row.left_out_at = now
        row.save()
    if token.state in TO_BE_ISSUED and refused and not any(row.state in KEPT for row in rows):
        token.cancel(reason=reason[:300], now=now)
        token.save()
    return refused
