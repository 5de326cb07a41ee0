"""Retry by an officer: of a failed request, or at once of one that waits for its next try."""

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import (
    CertificateState,
    Person,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow import completion, snapshot
from identity_manager.workflow.issuance import claims
from identity_manager.workflow.policy import eligibility

NOT_FAILED = Reason("not-failed", _("This request has not failed, or was retried meanwhile."))
PERSON_CHANGED = Reason(
    "person-changed-so-no-retry",
    _(
        "The person's data have changed, so trying again would fail again. Start it again with new data, "
        "or cancel it."
    ),
)


def retry(*, actor: Person, request_id: uuid.UUID) -> TokenRequest:
    """Retry a failed request, by an administrator: refused certificates get a new key and order.

    Certificates that a CA may have issued keep both, and are looked up. Raises NotAllowed, NotPossible or
    Stale.
    """
    with transaction.atomic():
        request = locking.request(request_id)
        require(
            eligibility.administers(actor, request.person),
            else_=eligibility.NOT_ADMINISTRATOR,
            kind=NotAllowed,
        )
        require(request.state == RequestState.FAILED, else_=NOT_FAILED, kind=Stale)
        lines = locking.lines_of(request)

        back_to_issuing(request, lines)
        for token in lines:
            if token.state == TokenState.ISSUING:
                resume_issuance(token)
        for token in lines[:1]:
            audit.append(completion.issue_request(token))  # none of its tokens may be left to issue
        audit.record(audit.Event.REQUEST_RETRIED, actor=actor, subject=request)
        return request


def back_to_issuing(request: TokenRequest, lines: Sequence[SoftwareToken]) -> None:
    """Return a locked failed request to issuing, for a person who is as they were approved.

    Raises NotPossible, or Stale if the person has changed.
    """
    refuse(eligibility.person_obstacle(request.person))
    refuse(PERSON_CHANGED if snapshot.differences(lines) else None, kind=Stale)
    request.retry()
    request.save()


def resume_issuance(token: SoftwareToken) -> None:
    """Order refused certificates of a locked token anew, make all that wait due, and seal it if complete."""
    rows = locking.certificates_of(token)
    for certificate in rows:
        if certificate.is_to_be_retried:
            certificate.order_again(now=timezone.now())
    claims.wake([row for row in rows if row.state == CertificateState.ORDERED])
    completion.seal_when_complete(token)


def retry_now(*, actor: Person, request_id: uuid.UUID) -> TokenRequest:
    """Make all waiting work of a request due now, by an administrator.

    Raises NotAllowed, or Stale if all of it waits for the person's return.
    """
    with transaction.atomic():
        request = locking.request(request_id)
        require(
            eligibility.administers(actor, request.person),
            else_=eligibility.NOT_ADMINISTRATOR,
            kind=NotAllowed,
        )
        tokens = locking.tokens_of(request)
        work: list[eligibility.EligibilityWork] = [*tokens]
        work += [certificate for token in tokens for certificate in locking.certificates_of(token)]
        work += locking.mails_of(request)
        refuse(eligibility.next_try_obstacle(request.person, work), kind=Stale)

        now = timezone.now()
        for each in work:
            if each.next_attempt_at is not None:
                each.next_attempt_at = now
                each.nudged_at = None
                each.save()
        audit.record(audit.Event.REQUEST_RETRIED, actor=actor, subject=request)
        return request
