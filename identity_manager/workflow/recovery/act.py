"""Opening of archived keys in a worker, for one recovery: the act between claim and settle of its token.

All checks of the request are made again, from the database, before a key is opened. The vault authenticates
the owner of each archived key, so that a row whose owner was changed does not open, and each key has to match
its certificate. The keys are then sealed as those of any token (step6_passphrase.py).
"""

import uuid
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ca_bridge.keys.envelopes import RecoveryKey
from identity_manager import audit
from identity_manager.models import (
    AuditEvent,
    Opening,
    RecoveredKey,
    Recovery,
    RecoveryCertificate,
    RequestState,
    SoftwareToken,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason
from identity_manager.vault import wrapping as vault
from identity_manager.workflow import snapshot
from identity_manager.workflow.archive import key_opening
from identity_manager.workflow.issuance import containers, failures
from identity_manager.workflow.issuance.containers import ContainerPart
from identity_manager.workflow.issuance.failures import Failure
from identity_manager.workflow.recovery import officers_keys, officers_policy, policy


class OpeningRefusedError(Exception):
    """The keys of a recovery are refused for good; an officer decides. Holds no secret."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


def open_keys(token: SoftwareToken) -> list[ContainerPart]:
    """Open the keys of a recovery; return them with their certificates, for the containers of its token.

    Raises OpeningRefusedError, or VaultError if this worker lacks a ring, so that another one tries.
    """
    recovery = Recovery.objects.select_related("request__person", "owner", "opened_with").get(
        request=token.request_id
    )
    rows = list(recovery.keys.select_related(*_RELATED).order_by("-for_reading_only", "pk"))
    _check(recovery, token, rows)
    recovery_keys = _recovery_keys(recovery, rows)
    with translation.override(recovery.request.person.language):
        return [_part(token, recovery, row, recovery_key=recovery_keys[row.pk]) for row in rows]


_OF_CERTIFICATE = "archived_key__certificate"
_RELATED = (f"{_OF_CERTIFICATE}__profile", f"{_OF_CERTIFICATE}__order", f"{_OF_CERTIFICATE}__token__person")


def _check(recovery: Recovery, token: SoftwareToken, rows: Sequence[RecoveredKey]) -> None:
    """Repeat all checks of the request. Raises OpeningRefusedError."""
    request, now = recovery.request, timezone.now()
    _require(not recovery.is_over(now), else_=policy.OVER)
    _require(all(row.archived_key is not None for row in rows), else_=policy.KEY_GONE)
    approved = {
        "owner": str(recovery.owner_id),
        "beneficiary": str(request.person_id),
        "keys": sorted(row.public_key_sha256 for row in rows),
    }
    as_asked = request.snapshot_hash == snapshot.digest([token.snapshot])
    as_approved = token.snapshot["recovery"] == approved and token.person_id == request.person_id
    _require(as_asked and as_approved, else_=policy.CHANGED)
    changed = snapshot.differences([token])
    if changed:
        raise OpeningRefusedError(failures.of_change(changed))
    if recovery.opening == Opening.ONLINE:
        own = request.requested_by_id == request.person_id == recovery.owner_id
        _require(own, else_=policy.NOT_THE_OWNER)
        _refuse(policy.online_obstacle(recovery.owner, factor=recovery.factor, now=now))


def _require(condition: object, *, else_: Reason) -> None:
    _refuse(None if condition else else_)


def _refuse(reason: Reason | None) -> None:
    if reason is not None:
        raise OpeningRefusedError(failures.of_reason(reason))


def _part(
    token: SoftwareToken, recovery: Recovery, row: RecoveredKey, *, recovery_key: RecoveryKey
) -> ContainerPart:
    archived = row.archived_key
    if archived is None or archived.certificate is None:
        raise OpeningRefusedError(failures.of_reason(policy.KEY_GONE))
    as_asked = archived.owner_id == recovery.owner_id and archived.public_key_sha256 == row.public_key_sha256
    if not as_asked:
        raise OpeningRefusedError(failures.of_reason(policy.CHANGED))
    key = key_opening.open_key(archived, recovery_key)
    if isinstance(key, Reason):
        raise OpeningRefusedError(failures.of_reason(key))
    return containers.of_key(archived.certificate, key, token_id=token.pk, note=_note(recovery, row))


def _recovery_keys(recovery: Recovery, rows: Iterable[RecoveredKey]) -> dict[uuid.UUID, RecoveryKey]:
    """Return the private recovery key for each row. Raises OpeningRefusedError and VaultError."""
    for ring in (vault.Purpose.ARCHIVE, vault.Purpose.RECOVERY_KEYS):
        if not vault.holds(ring):
            raise vault.VaultError(f"This process holds no key for {ring}.")
    if recovery.opening == Opening.OFFICERS:
        return dict.fromkeys((row.pk for row in rows), _usable(officers_keys.recovery_key(recovery)))
    in_force = RecoveryCertificate.objects.in_force(timezone.now())
    known: dict[tuple[uuid.UUID, ...], RecoveryKey] = {}
    found = {}
    for row in rows:
        recipients = tuple(in_force.filter(keys__key=row.archived_key_id).values_list("pk", flat=True))
        known[recipients] = known.get(recipients) or _online_key(recipients)
        found[row.pk] = known[recipients]
    return found


def _online_key(recipients: Iterable[uuid.UUID]) -> RecoveryKey:
    return _usable(key_opening.online_recovery_key(recipients))


def _usable(key: RecoveryKey | Reason) -> RecoveryKey:
    if isinstance(key, Reason):
        raise OpeningRefusedError(failures.of_reason(key))
    return key


def _note(recovery: Recovery, row: RecoveredKey) -> str:
    """Note for the friendly name: the reference number, and whether the key is for reading old mail only."""
    parts = [recovery.reference] if recovery.reference else []
    return ", ".join([*parts, _("for reading only")] if row.for_reading_only else parts)


def settle_refusal(*, token_id: uuid.UUID, claim_id: uuid.UUID, failure: Failure) -> None:
    """Settle a refusal, if the claim still holds: fail the request; an officer decides."""
    with transaction.atomic():
        token = locking.token(token_id)
        if token.claim_id != claim_id:
            return
        token.settle_lease()
        token.save()
        if token.request.state != RequestState.ISSUING:
            return
        officers_keys.erase_unused_shares(token.request_id, officers_policy.ACT_FAILED)
        failures.fail_request(token, failure)


def settle(token: SoftwareToken) -> list[AuditEvent]:
    """Settle opened keys of a locked token's recovery: erase the officers' shares; return the audit events.

    They are about the beneficiary, the owner, and the token from which each key comes.
    """
    officers_keys.erase_used_shares(token.request_id)
    recovery = Recovery.objects.select_related("owner").filter(request=token.request_id).first()
    if recovery is None:
        return []
    return [
        audit.event_about(
            audit.Event.KEY_RECOVERED,
            actor=None,
            subject=subject,
            public_key=row.public_key_sha256,
            reference=recovery.reference,
            opening=recovery.opening,
        )
        for row in recovery.keys.select_related(f"{_OF_CERTIFICATE}__token__request", *_RELATED)
        for subject in (token, _source(row) or recovery.owner)
    ]


def _source(row: RecoveredKey) -> SoftwareToken | None:
    """The owner's token that the key comes from."""
    archived = row.archived_key
    return archived.certificate.token if archived and archived.certificate else None
