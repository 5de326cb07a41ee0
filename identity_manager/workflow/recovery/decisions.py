"""Verbs of Recovery Officers on a recovery: approve, reject, give a share.

Two officers decide. If an online recovery key opens the archived keys, the second approval starts the act.
Else as many officers as the ceremony set give their shares within half an hour, and the last one starts it.
"""

import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import recovery_messages, request_messages
from identity_manager.models import (
    Approval,
    Decision,
    Person,
    PersonState,
    Recovery,
    RecoveryCertificate,
    RecoveryDecision,
    RecoveryKeyKind,
    RecoveryKeyWrapping,
    RequestState,
    SharePurpose,
    ShareRound,
    ShareRoundState,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Stale, refuse, require
from identity_manager.workflow.archive import share_rounds
from identity_manager.workflow.archive.share_rounds import Subject
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.recovery import (
    creation,
    officers_keys,
    officers_policy,
    policy,
    sealed_decisions,
)
from identity_manager.workflow.requests import suspension

NOT_WAITING = Reason("recovery-not-waiting", _("This recovery does not wait for a decision any more."))
SEEN_DIFFERS = Reason(
    "recovery-seen-differs", _("The recovery is not what this page showed. Read it once more, then decide.")
)
NO_REASON = Reason("recovery-no-reason-to-reject", _("Say why you reject the recovery."))
NO_SHARES_WANTED = Reason(
    "recovery-wants-no-shares", _("This recovery does not wait for shares: two officers decide first.")
)


def approve(*, actor: Person, recovery_id: uuid.UUID, seen: str, keep_silent: str = "") -> Recovery:
    """Approve a recovery by the digest of what the Recovery Officer saw.

    keep_silent: why the owner is not notified; effective if both officers give a reason. Raises NotAllowed,
    NotPossible or Stale. If the beneficiary's data have changed, the request is stopped, and Stale is raised.
    """
    with transaction.atomic():
        recovery = _fetch(actor, recovery_id, seen)
        stopped = suspends(recovery)
        if not stopped:
            _decide(recovery, actor, Decision.APPROVED, keep_silent=keep_silent.strip())
            _record(audit.Event.RECOVERY_APPROVED, actor, recovery, reason=keep_silent.strip())
            if sealed_decisions.obstacle(recovery) is None:
                go_on(recovery=recovery, certificate=_certificate_for(recovery), actor=actor)
    refuse(policy.PERSON_CHANGED if stopped else None, kind=Stale)
    return recovery


def reject(*, actor: Person, recovery_id: uuid.UUID, seen: str, reason: str) -> Recovery:
    """Reject a recovery, by a Recovery Officer. Raises as approve does, NotPossible without a reason."""
    with transaction.atomic():
        recovery = _fetch(actor, recovery_id, seen)
        require(reason.strip(), else_=NO_REASON, field="reason")

        request, now = recovery.request, timezone.now()
        _decide(recovery, actor, Decision.REJECTED, reason=reason.strip())
        request.reject(reason=reason.strip(), now=now)
        request.save()
        for token in locking.lines_of(request):
            token.cancel(reason=reason.strip()[:300], now=now)
            token.save()
        officers_keys.erase_unused_shares(request.pk, NOT_WAITING)
        outbox.enqueue(request_messages.rejected(request))
        _record(audit.Event.RECOVERY_REJECTED, actor, recovery, reason=reason.strip())
        return recovery


def give_share(*, actor: Person, recovery_id: uuid.UUID, seen: str, share: str) -> ShareRound:
    """Give a Recovery Officer's share for the digest that they saw; the last one starts the act.

    Raises NotAllowed, NotPossible at the field share, or Stale. A wrong share is counted. If the
    beneficiary's data have changed, the request is stopped, and Stale is raised.
    """
    request_id = Recovery.objects.values_list("request_id", flat=True).get(pk=recovery_id)
    with share_rounds.counted(actor=actor, subject_id=request_id), transaction.atomic():
        recovery = locked(recovery_id)
        refuse(officers_policy.obstacle(actor, recovery), kind=NotAllowed)
        require(awaits_shares(recovery), else_=NO_SHARES_WANTED, kind=Stale)
        _refuse_over(recovery)
        present = None if suspends(recovery) else _put(recovery, actor, seen=seen, share=share)
    if present is None:
        raise Stale(policy.PERSON_CHANGED)
    return present


def _put(recovery: Recovery, actor: Person, *, seen: str, share: str) -> ShareRound:
    subject = subject_of(recovery)
    require(seen == subject.digest, else_=SEEN_DIFFERS, kind=Stale)
    present = share_rounds.put(actor=actor, wrapping=wrapping_of(recovery), subject=subject, text=share)
    if present.state == ShareRoundState.COMPLETE:
        _begin(recovery, actor=actor)
    return present


def awaits_shares(recovery: Recovery) -> bool:
    """Whether two officers have approved and only shares are missing; also after a failed act."""
    certificate = recovery.opened_with
    state = recovery.request.state in (RequestState.REQUESTED, RequestState.FAILED)
    split = certificate is not None and certificate.kind != RecoveryKeyKind.ONLINE
    return state and split and sealed_decisions.obstacle(recovery) is None


def wrapping_of(recovery: Recovery) -> RecoveryKeyWrapping:
    """The present wrapping of the recovery key, which names the share holders."""
    return RecoveryKeyWrapping.objects.get(certificate=recovery.opened_with, erased_at=None)


def subject_of(recovery: Recovery) -> Subject:
    """The subject that shares for this recovery are bound to."""
    digest = sealed_decisions.digest(recovery)
    return Subject(SharePurpose.RECOVERY, recovery.request_id, digest)


def locked(recovery_id: uuid.UUID) -> Recovery:
    """Lock the recovery's request, in the caller's transaction."""
    request = locking.request(Recovery.objects.values_list("request", flat=True).get(pk=recovery_id))
    recovery = Recovery.objects.select_related("owner", "opened_with").get(pk=recovery_id)  # after the lock
    recovery.request = request
    return recovery


def _fetch(actor: Person, recovery_id: uuid.UUID, seen: str) -> Recovery:
    recovery = locked(recovery_id)
    refuse(officers_policy.obstacle(actor, recovery), kind=NotAllowed)
    require(recovery.request.state == RequestState.REQUESTED, else_=NOT_WAITING, kind=Stale)
    refuse(officers_policy.decision_obstacle(actor, recovery), kind=NotAllowed)
    _refuse_over(recovery)
    require(seen == sealed_decisions.digest(recovery), else_=SEEN_DIFFERS, kind=Stale)
    return recovery


def _refuse_over(recovery: Recovery) -> None:
    refuse(policy.OVER if recovery.is_over(timezone.now()) else None, kind=Stale)


def suspends(recovery: Recovery) -> bool:
    """Whether the beneficiary, who has to be Active, has changed since: then the request is suspended."""
    refuse(eligibility.person_obstacle(recovery.request.person))
    return suspension.suspends(recovery.request, locking.lines_of(recovery.request))


def _decide(
    recovery: Recovery, actor: Person, decision: Decision, *, reason: str = "", keep_silent: str = ""
) -> None:
    approval = Approval.objects.create(
        request=recovery.request,
        round=recovery.request.round,
        approver=actor,
        decision=decision,
        reason=reason,
        snapshot_hash=sealed_decisions.digest(recovery),
    )
    row = RecoveryDecision(approval=approval, keep_silent=keep_silent)
    row.seal = sealed_decisions.seal(row)
    row.save()


def _certificate_for(recovery: Recovery) -> RecoveryCertificate:
    found = recovery_certificate_for(recovery)
    if isinstance(found, Reason):
        raise NotPossible(found)
    return found


def recovery_certificate_for(recovery: Recovery) -> RecoveryCertificate | Reason:
    """Return the recovery certificate whose key opens all archived keys of the recovery now; or why none."""
    key_ids = [pk for pk in recovery.keys.values_list("archived_key", flat=True) if pk is not None]
    if len(key_ids) != recovery.keys.count():
        return policy.KEY_GONE
    return officers_keys.choose(key_ids, now=timezone.now()) or officers_policy.NO_RECOVERY_KEY


def go_on(*, recovery: Recovery, certificate: RecoveryCertificate, actor: Person | None) -> None:
    """Of a locked recovery that two have approved: start the act, or ask the share holders for their shares.

    actor: the second officer; None for a job. What has failed is started again by an officer alone.
    """
    recovery.opened_with = certificate
    recovery.save(update_fields=["opened_with"])
    if certificate.kind == RecoveryKeyKind.ONLINE:
        if recovery.request.state == RequestState.REQUESTED:
            _begin(recovery, actor=actor)
        return
    holders = wrapping_of(recovery).shares.select_related("officer")
    outbox.enqueue_each(
        recovery_messages.shares_needed(recovery, row.officer)
        for row in holders
        if officers_policy.obstacle(row.officer, recovery) is None
    )


def _begin(recovery: Recovery, *, actor: Person | None) -> None:
    if recovery.request.state == RequestState.FAILED:
        creation.begin_again(recovery.request, actor=actor)
    else:
        creation.begin(recovery.request, actor=actor)
    if recovery.owner.state != PersonState.LOCKED and not sealed_decisions.omits_owner_notice(recovery):
        outbox.enqueue(recovery_messages.recovery_asked(recovery))


def _record(event: audit.Event, actor: Person, recovery: Recovery, *, reason: str) -> None:
    """Record the event about the request, and about the owner if another person gets the keys."""
    facts = {"reason": reason, "reference": recovery.reference}
    audit.record(event, actor=actor, subject=recovery.request, **facts)
    if recovery.is_for_another:
        audit.record(event, actor=actor, subject=recovery.owner, **facts)
