"""Step 2: an approver approves, rejects or postpones; skipped where the policy wants nobody.

After the decision the road goes on as PstmProcProceedSoftwareTokenRequest of the original.
"""

import uuid
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, outbox
from identity_manager.mail import messages
from identity_manager.models import Approval, Decision, Person, RequestState, TokenRequest
from identity_manager.workflow import locking, policy, snapshot, step3_invite
from identity_manager.workflow.errors import NotAllowed, Reason, Stale, refuse

NOT_WAITING = Reason("not-waiting", _("This request does not wait for a decision any more."))
ANOTHER_SNAPSHOT = Reason("another-snapshot", _("The request has changed since you opened the page."))
PERSON_CHANGED = Reason(
    "person-changed",
    _("The person's data have changed since the request was made. Reject or cancel it."),
)
NO_REASON = Reason("no-reason", _("Say why you reject the request."))
NOT_IN_THE_FUTURE = Reason("not-in-the-future", _("Choose a time that lies ahead, at most 90 days."))
LONGEST_POSTPONEMENT_DAYS = 90


def approve(*, actor: Person, request_id: uuid.UUID, snapshot_hash: str) -> TokenRequest:
    """Record the actor's yes to exactly this snapshot; the last one that is needed sends the request on.

    Raises NotAllowed (four eyes), Stale (decided or changed meanwhile), NotPossible (person not Active).
    """
    with transaction.atomic():
        request = _fetch(actor, request_id, snapshot_hash)
        refuse(policy.person_obstacle(request.person))
        refuse(PERSON_CHANGED if snapshot.differences(locking.tokens_of(request)) else None, kind=Stale)

        _record(request, actor, Decision.APPROVED, reason="")
        audit.record(audit.Event.REQUEST_APPROVED, actor=actor, subject=request, snapshot=snapshot_hash)
        if request.approvals.filter(decision=Decision.APPROVED).count() >= request.approvals_needed:
            conclude(request, actor=actor)
        return request


def conclude(request: TokenRequest, *, actor: Person) -> None:
    """The request is approved: in the caller's transaction, the person is invited to accept the terms."""
    request.approve(now=timezone.now())
    request.save()
    if request.approvals_needed and request.requested_by_id != request.person_id:
        outbox.enqueue(messages.approved(request))
    step3_invite.invite(request, actor=actor)


def reject(*, actor: Person, request_id: uuid.UUID, snapshot_hash: str, reason: str) -> TokenRequest:
    """End the request with the approver's reason. Raises as approve does, NotPossible without a reason."""
    with transaction.atomic():
        request = _fetch(actor, request_id, snapshot_hash)
        refuse(NO_REASON if not reason.strip() else None, field="reason")

        now = timezone.now()
        _record(request, actor, Decision.REJECTED, reason=reason.strip())
        request.reject(reason=reason.strip(), now=now)
        request.save()
        for token in locking.tokens_of(request):
            token.cancel(reason=reason.strip()[:300], now=now)
            token.save()
        outbox.enqueue(messages.rejected(request))
        audit.record(audit.Event.REQUEST_REJECTED, actor=actor, subject=request, reason=reason.strip())
        return request


def postpone(*, actor: Person, request_id: uuid.UUID, snapshot_hash: str, until: datetime) -> TokenRequest:
    """Take the request out of the queue until a time. Raises as approve does, NotPossible for a bad time."""
    with transaction.atomic():
        request = _fetch(actor, request_id, snapshot_hash)
        ahead = until - timezone.now()
        bad = ahead.total_seconds() <= 0 or ahead.days >= LONGEST_POSTPONEMENT_DAYS
        refuse(NOT_IN_THE_FUTURE if bad else None, field="until")

        request.postponed_until = until
        request.save()
        audit.record(audit.Event.REQUEST_POSTPONED, actor=actor, subject=request, until=until.isoformat())
        return request


def _fetch(actor: Person, request_id: uuid.UUID, snapshot_hash: str) -> TokenRequest:
    request = locking.request(request_id)
    refuse(NOT_WAITING if request.state != RequestState.REQUESTED else None, kind=Stale)
    refuse(policy.decision_obstacle(actor, request), kind=NotAllowed)
    refuse(ANOTHER_SNAPSHOT if snapshot_hash != request.snapshot_hash else None, kind=Stale)
    return request


def _record(request: TokenRequest, actor: Person, decision: Decision, *, reason: str) -> None:
    Approval.objects.create(
        request=request, approver=actor, decision=decision, reason=reason, snapshot_hash=request.snapshot_hash
    )
