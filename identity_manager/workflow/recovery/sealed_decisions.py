"""Sealed decisions of Recovery Officers: the digest of what they decide on, and the seal of each decision.

The seal is made with a key from outside the database, so that a database writer can neither forge a decision
nor move one to another recovery. The worker checks it, and the present roles, before it opens a key.
"""

import hashlib
import json
from datetime import UTC

from identity_manager.models import Approval, Decision, Recovery, RecoveryDecision
from identity_manager.transactions.refusals import Reason
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.recovery import officers_policy


def digest(recovery: Recovery) -> str:
    """SHA-256 (hex) of what officers see: requester, owner, keys, beneficiary, address, purpose, last day."""
    request = recovery.request
    content = {
        "request": str(request.pk),
        "snapshot": request.snapshot_hash,
        "asked_by": str(request.requested_by_id),
        "owner": str(recovery.owner_id),
        "beneficiary": str(request.person_id),
        "keys": sorted(recovery.keys.values_list("public_key_sha256", flat=True)),
        "address": request.delivery_address,
        "purpose": recovery.purpose,
        "reference": recovery.reference,
        "expires_at": recovery.expires_at.astimezone(UTC).isoformat() if recovery.expires_at else "",
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()


def seal(decision: RecoveryDecision) -> bytes:
    """Return the seal of a decision that is about to be saved."""
    return vault.wrap(_sealed(decision), purpose=vault.Purpose.OTHER, record=decision.pk)


def agreed(recovery: Recovery) -> list[RecoveryDecision]:
    """The valid approvals: of this digest, with an intact seal, by officers who may decide now."""
    rows = RecoveryDecision.objects.filter(
        approval__request=recovery.request_id,
        approval__round=recovery.request.round,
        approval__decision=Decision.APPROVED,
        approval__snapshot_hash=digest(recovery),
    )
    return [
        row
        for row in rows.select_related("approval__approver").order_by("approval__decided_at")
        if _is_as_sealed(row) and officers_policy.obstacle(row.approval.approver, recovery) is None
    ]


def obstacle(recovery: Recovery) -> Reason | None:
    """Why the officers' decisions do not open the keys, or None."""
    if len({row.approval.approver_id for row in agreed(recovery)}) >= officers_policy.NEEDED:
        return None
    given = Approval.objects.filter(request=recovery.request_id, decision=Decision.APPROVED).count()
    return (
        officers_policy.DECISION_NOT_VALID if given >= officers_policy.NEEDED else officers_policy.NOT_DECIDED
    )


def omits_owner_notice(recovery: Recovery) -> bool:
    """Whether both officers gave a reason why the owner is not notified."""
    return len([row for row in agreed(recovery) if row.keep_silent]) >= officers_policy.NEEDED


def _is_as_sealed(decision: RecoveryDecision) -> bool:
    try:
        sealed = vault.unwrap(decision.seal, purpose=vault.Purpose.OTHER, record=decision.pk)
    except vault.VaultError:
        return False
    return sealed == _sealed(decision)


def _sealed(decision: RecoveryDecision) -> bytes:
    approval = decision.approval
    content = {
        "request": str(approval.request_id),
        "officer": str(approval.approver_id),
        "decision": approval.decision,
        "digest": approval.snapshot_hash,
        "keep_silent": decision.keep_silent,
    }
    return json.dumps(content, sort_keys=True).encode("utf-8")
