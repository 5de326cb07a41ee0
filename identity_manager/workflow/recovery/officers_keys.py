"""Recovery keys for recoveries by two officers: an online key, or one that is opened with their shares.

In a worker's memory, for one act. A refusal is returned as a Reason.
"""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import Count
from django.utils import timezone

from ca_bridge.keys.envelopes import RecoveryKey
from identity_manager.models import (
    Recovery,
    RecoveryCertificate,
    RecoveryKeyKind,
    ShareRound,
    ShareRoundState,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.archive import key_opening, recovery_certificates, share_rounds
from identity_manager.workflow.recovery import officers_policy, sealed_decisions


def choose(key_ids: Collection[uuid.UUID], *, now: datetime) -> RecoveryCertificate | None:
    """Choose a recovery certificate that opens all of these archived keys: online first, then in force."""
    sealed = RecoveryCertificate.objects.exclude(seal=None).filter(keys__key__in=key_ids)
    common = sealed.annotate(opens=Count("keys__key", distinct=True)).filter(opens=len(set(key_ids)))
    usable = [each for each in common if recovery_certificates.is_as_confirmed(each)]
    ranked = sorted(usable, key=lambda each: _rank(each, now))
    return next((each for each in ranked if each.wrappings.filter(erased_at=None).exists()), None)


def _rank(certificate: RecoveryCertificate, now: datetime) -> tuple[bool, bool, str]:
    is_online = certificate.kind == RecoveryKeyKind.ONLINE
    return not is_online, not certificate.is_in_force(now), str(certificate.pk)


def recovery_key(recovery: Recovery) -> RecoveryKey | Reason:
    """Return the recovery key, after checking the two sealed decisions; or why not.

    Raises VaultError if this worker lacks a ring, so that another one tries.
    """
    reason = sealed_decisions.obstacle(recovery)
    if reason is not None:
        return reason
    certificate = recovery.opened_with
    if certificate is None or not recovery_certificates.is_as_confirmed(certificate):
        return officers_policy.NO_RECOVERY_KEY
    if certificate.kind == RecoveryKeyKind.ONLINE:
        return key_opening.online_recovery_key([certificate.pk])
    digest = sealed_decisions.digest(recovery)
    present = ShareRound.objects.alive().filter(subject=recovery.request_id, digest=digest).first()
    is_complete = present is not None and present.state == ShareRoundState.COMPLETE
    if present is None or not is_complete or not _all_are_officers(present, recovery):
        return officers_policy.SHARES_NEEDED
    return key_opening.key_with_shares(certificate, present)


def _all_are_officers(present: ShareRound, recovery: Recovery) -> bool:
    """Whether each of those who gave a share could give it still: none has lost the role, or was locked."""
    givers = [row.officer for row in present.submitted.select_related("officer")]
    return all(officers_policy.obstacle(officer, recovery) is None for officer in givers)


def erase_used_shares(request_id: uuid.UUID) -> None:
    """Erase the shares after a successful act, in the caller's transaction."""
    for present in _complete(request_id):
        share_rounds.use(present, now=timezone.now())


def erase_unused_shares(request_id: uuid.UUID, reason: Reason) -> None:
    """Erase the shares after a failed act, in the caller's transaction."""
    for present in _alive(request_id):
        share_rounds.end(present, reason=reason, now=timezone.now())


def _complete(request_id: uuid.UUID) -> list[ShareRound]:
    return [each for each in _alive(request_id) if each.state == ShareRoundState.COMPLETE]


def _alive(request_id: uuid.UUID) -> list[ShareRound]:
    rows = ShareRound.objects.alive().filter(subject=request_id)
    return [locking.share_round(pk) for pk in rows.values_list("pk", flat=True)]
