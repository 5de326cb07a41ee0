"""What Recovery Officers decide on as one hash, and the seal under each of their decisions.

The seal is made with a key that is not in the database: whoever can only write there forges no decision, and
moves none to another recovery. The worker checks it, and the roles of that moment, before it opens anything.
"""

import hashlib
import json
from datetime import UTC

from identity_manager.models import Approval, Decision, Recovery, RecoveryDecision
from identity_manager.transactions.refusals import Reason
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.recovery import officers_policy as policy


def digest(recovery: Recovery) -> str:
    """SHA-256 (hex) of all that officers see: who asked, whose keys, for whom, where to, why, how long."""
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
    """The seal of a decision that is about to be saved."""
    return vault.wrap(_sealed(decision), purpose=vault.Purpose.OTHER, record=decision.pk)


def agreed(recovery: Recovery) -> list[RecoveryDecision]:
    """The decisions that count: a yes to exactly this, sealed, of officers who may decide on it now."""
    rows = RecoveryDecision.objects.filter(
        approval__request=recovery.request_id,
        approval__round=recovery.request.round,
        approval__decision=Decision.APPROVED,
        approval__snapshot_hash=digest(recovery),
    )
    return [
        row
        for row in rows.select_related("approval__approver").order_by("approval__decided_at")
        if _is_as_sealed(row) and policy.obstacle(row.approval.approver, recovery) is None
    ]


def obstacle(recovery: Recovery) -> Reason | None:
    """Why these decisions do not open the keys, or None."""
    if len({row.approval.approver_id for row in agreed(recovery)}) >= policy.NEEDED:
        return None
    given = Approval.objects.filter(request=recovery.request_id, decision=Decision.APPROVED).count()
    return policy.DECISION_NOT_VALID if given >= policy.NEEDED else policy.NOT_DECIDED


def keeps_silent(recovery: Recovery) -> bool:
    """Whether two officers gave a reason why the owner is not told."""
    return len([row for row in agreed(recovery) if row.keep_silent]) >= policy.NEEDED


def _is_as_sealed(decision: RecoveryDecision) -> bool:
    try:
        told = vault.unwrap(decision.seal, purpose=vault.Purpose.OTHER, record=decision.pk)
    except vault.VaultError:
        return False
    return told == _sealed(decision)


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
