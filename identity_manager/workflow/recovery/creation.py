"""Creation of recoveries: a request with one token and a row for each key; and the start of the act.

For owners in Self-Service and for officers. In the transaction of the caller, who has locked owner and
beneficiary (locking.persons) and checked the permission.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from identity_manager import audit, queue
from identity_manager.mail import outbox
from identity_manager.mail.messages import recovery_messages
from identity_manager.models import (
    ArchivedKey,
    Opening,
    Person,
    RecoveredKey,
    Recovery,
    RequestKind,
    RequestOrigin,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.task_names import SEAL
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotPossible, Stale, refuse, require
from identity_manager.workflow import snapshot
from identity_manager.workflow.policy import devices
from identity_manager.workflow.recovery import policy


@dataclass(frozen=True)
class RecoveryOrder:
    """A recovery to be opened: requester, owner, beneficiary and keys.

    factor: the owner's second factor (online recovery). approvals_needed: by Recovery Officers.
    tell_owner: whether the owner gets the security notice at once.
    """

    actor: Person
    owner: Person
    beneficiary: Person
    keys: Sequence[ArchivedKey]
    purpose: str
    opening: Opening
    reference: str = ""
    expires_at: datetime | None = None
    approvals_needed: int = 0
    factor: int | None = None
    tell_owner: bool = True


def open_recovery(order: RecoveryOrder) -> Recovery:
    """Insert the request, which then waits for officers, or for begin().

    Raises NotPossible at the field `keys` or `purpose`, or Stale if a key is being recovered for the same
    beneficiary already.
    """
    _check(order)
    request = TokenRequest(
        kind=RequestKind.RECOVERY,
        person=order.beneficiary,
        requested_by=order.actor,
        origin=_origin(order),
        delivery_address=order.beneficiary.email,
        approvals_needed=order.approvals_needed,
        devices=devices.last_choice(order.beneficiary.pk),
    )
    line = _line(order, request)
    request.snapshot_hash = snapshot.digest([line.snapshot])
    request.save()
    line.save()
    recovery = Recovery.objects.create(
        request=request,
        owner=order.owner,
        opening=order.opening,
        purpose=order.purpose.strip(),
        reference=order.reference,
        expires_at=order.expires_at,
        factor=order.factor,
    )
    RecoveredKey.objects.bulk_create(_row(order, recovery, key) for key in order.keys)
    _tell(recovery, line, tell_owner=order.tell_owner)
    return recovery


def begin(request: TokenRequest, *, actor: Person | None) -> None:
    """Start the act of a locked request that is approved or needs no approval. actor: None for a job."""
    now = timezone.now()
    request.approve(now=now)
    request.begin_recovery()
    request.save()
    for token in locking.lines_of(request):
        token.start()
        token.work_is_due(now)
        token.save()
        queue.after_commit(SEAL, token.pk)
    audit.record(audit.Event.RECOVERY_BEGUN, actor=actor, subject=request)


def begin_again(request: TokenRequest, *, actor: Person | None) -> None:
    """Start the act of a locked request again after a failure, with new shares."""
    now = timezone.now()
    request.retry()
    request.save()
    for token in locking.lines_of(request):
        token.work_is_due(now)
        token.save()
        queue.after_commit(SEAL, token.pk)
    audit.record(audit.Event.REQUEST_RETRIED, actor=actor, subject=request)


def _check(order: RecoveryOrder) -> None:
    require(order.keys, else_=policy.NO_KEYS, field="keys")
    refuse(policy.TOO_MANY_KEYS if len(order.keys) > policy.MOST_KEYS else None, field="keys")
    require(order.purpose.strip(), else_=policy.NO_PURPOSE, field="purpose")
    theirs = all(key.owner_id == order.owner.pk and key.certificate_id is not None for key in order.keys)
    require(theirs, else_=policy.UNKNOWN_KEY, field="keys", kind=NotPossible)
    rows = RecoveredKey.objects.filter(beneficiary=order.beneficiary)
    rows.no_longer_open().update(is_open=False)
    wanted = [key.public_key_sha256 for key in order.keys]
    under_way = rows.filter(is_open=True, public_key_sha256__in=wanted).exists()
    refuse(policy.UNDER_WAY if under_way else None, kind=Stale)


def _origin(order: RecoveryOrder) -> RequestOrigin:
    own = order.actor.pk == order.beneficiary.pk and order.opening == Opening.ONLINE
    return RequestOrigin.SELF_SERVICE if own else RequestOrigin.ADMINISTRATOR


def _line(order: RecoveryOrder, request: TokenRequest) -> SoftwareToken:
    """The snapshot for approval: keys, owner, and delivery address. A changed name does not matter."""
    return SoftwareToken(
        request=request,
        person=order.beneficiary,
        token_type=None,
        type_code="",
        kind=RequestKind.RECOVERY,
        snapshot={
            "person": {"email": order.beneficiary.email},
            "delivery_address": order.beneficiary.email,
            "certificates": [],
            "recovery": {
                "owner": str(order.owner.pk),
                "beneficiary": str(order.beneficiary.pk),
                "keys": sorted(key.public_key_sha256 for key in order.keys),
            },
        },
    )


def _row(order: RecoveryOrder, recovery: Recovery, key: ArchivedKey) -> RecoveredKey:
    return RecoveredKey(
        recovery=recovery,
        archived_key=key,
        public_key_sha256=key.public_key_sha256,
        beneficiary=order.beneficiary,
        for_reading_only=policy.is_for_reading_only(key),
    )


def _tell(recovery: Recovery, line: SoftwareToken, *, tell_owner: bool) -> None:
    if tell_owner:
        outbox.enqueue(recovery_messages.recovery_asked(recovery))
    facts = {
        "approvals_needed": recovery.request.approvals_needed,
        "public_keys": line.snapshot["recovery"]["keys"],
        "reason": recovery.purpose,
        "reference": recovery.reference,
        "opening": recovery.opening,
    }
    actor = recovery.request.requested_by
    audit.record(audit.Event.RECOVERY_ASKED, actor=actor, subject=recovery.request, **facts)
    if recovery.is_for_another:
        audit.record(audit.Event.RECOVERY_ASKED, actor=actor, subject=recovery.owner, **facts)
