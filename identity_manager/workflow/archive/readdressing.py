"""Re-addressing: envelopes for a retired recovery certificate are re-encrypted to those in force.

The retired recovery key decrypts the content-encryption key of each envelope; the person's key is never
decrypted. With an online recovery key a worker does it in the background. A key that is split among officers
takes a session: enough officers give their shares, and a worker goes on until nothing is left or the half
hour is over. The remaining rows are a query, so the next run or session continues there.
"""

import hashlib
import logging
import time
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import envelopes
from ca_bridge.keys.envelopes import RecoveryKey
from identity_manager import audit
from identity_manager.models import (
    ArchivedKey,
    ArchivedKeyRecipient,
    Person,
    RecoveryCertificate,
    RecoveryCertificateState,
    RecoveryKeyKind,
    SharePurpose,
    ShareRound,
)
from identity_manager.models.archive.share_round import ShareRoundState
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import (
    imported_keys,
    intake,
    key_opening,
    recovery_certificate_policy,
    recovery_certificates,
    share_rounds,
)
from identity_manager.workflow.archive.share_rounds import Subject

logger = logging.getLogger(__name__)

Certificates = tuple[RecoveryCertificate, ...]
PORTION = 500
SECONDS = 60  # time limit of a run

NOTHING_LEFT = Reason(
    "nothing-left-to-readdress",
    _("Nothing waits for shares here: no key is still sealed for a retired certificate of officers."),
)


class Readdressed(NamedTuple):
    """An archived key with its new recipients and its new wrapped envelope, if any."""

    row: ArchivedKey
    recipients: Certificates
    wrapped: bytes | None = None


def left(certificate: RecoveryCertificate) -> QuerySet[ArchivedKey]:
    """Archived keys that are still sealed for this recovery certificate."""
    return ArchivedKey.objects.filter(recipients__certificate=certificate).order_by("pk")


# --- The officers' session, in the web process ------------------------------------------------------
def give_share(*, actor: Person, certificate_id: uuid.UUID, share: str) -> ShareRound:
    """Give a share of the retired recovery key; after the last one needed a worker begins within a minute.

    Shares are bound to the recovery certificates in force now, and void once these change. Raises NotAllowed,
    NotPossible at the field share, or Stale.
    """
    with share_rounds.counted(actor=actor, subject_id=certificate_id), transaction.atomic():
        certificate = locking.recovery_certificate(certificate_id)
        refuse(
            None
            if recovery_certificate_policy.is_recovery_officer(actor)
            else recovery_certificate_policy.NOT_RECOVERY_OFFICER,
            kind=NotAllowed,
        )
        refuse(session_obstacle(certificate), kind=Stale)
        wrapping = certificate.wrappings.get(erased_at=None)
        return share_rounds.put(actor=actor, wrapping=wrapping, subject=subject_of(certificate), text=share)


def session_obstacle(certificate: RecoveryCertificate) -> Reason | None:
    """Why the recovery certificate takes no shares for re-addressing now, or None."""
    is_retired = certificate.state == RecoveryCertificateState.RETIRED
    if not is_retired or certificate.kind == RecoveryKeyKind.ONLINE or not left(certificate).exists():
        return NOTHING_LEFT
    return None if _in_force() else intake.NONE_IN_FORCE


def subject_of(certificate: RecoveryCertificate) -> Subject:
    """The subject that shares are bound to: this certificate and those in force."""
    fingerprints = [certificate.fingerprint, *(each.fingerprint for each in _in_force())]
    digest = hashlib.sha256("|".join(fingerprints).encode("ascii")).hexdigest()
    return Subject(SharePurpose.READDRESSING, certificate.pk, digest)


def present_round(certificate: RecoveryCertificate) -> ShareRound | None:
    """The round of shares for this certificate that has not ended, or None."""
    digest = subject_of(certificate).digest
    found = ShareRound.objects.alive().filter(subject=certificate.pk, digest=digest).first()
    return found if found and found.may_be_used(timezone.now()) else None


# --- The worker -------------------------------------------------------------------------------------
def readdress_next() -> int | str:
    """Job: re-address the envelopes of retired certificates; return how many, or why none."""
    if not vault.holds(vault.Purpose.ARCHIVE):
        return ""
    retired = RecoveryCertificate.objects.filter(state=RecoveryCertificateState.RETIRED)
    waiting = [each for each in retired.order_by("pk") if left(each).exists()]
    targets = _in_force()
    reason = _obstacle(targets) if waiting else None
    moved = 0 if reason else sum(_go_on_with(each, targets) for each in waiting)
    for each in retired.filter(kind=RecoveryKeyKind.ONLINE, wrappings__erased_at=None):
        _destroy(each)
    return str(reason) if reason else moved


def _obstacle(targets: Certificates) -> Reason | None:
    if not targets:
        return intake.NONE_IN_FORCE
    confirmed = all(map(recovery_certificates.is_as_confirmed, targets))
    return None if confirmed else intake.NOT_AS_CONFIRMED


def _go_on_with(certificate: RecoveryCertificate, targets: Certificates) -> int:
    """Re-address the remaining envelopes of one retired certificate until the time limit; return how many."""
    present = None
    if certificate.kind == RecoveryKeyKind.ONLINE:
        recovery_key = key_opening.online_recovery_key([certificate.pk])
    else:
        present = present_round(certificate)
        if present is None or present.state != ShareRoundState.COMPLETE:
            return 0
        recovery_key = key_opening.key_with_shares(certificate, present)
    if isinstance(recovery_key, Reason):
        logger.warning("The recovery key %s does not open: %s", certificate.pk, recovery_key.code)
        _end(present, recovery_key)
        return 0
    moved, is_at_end = _move_all(certificate, recovery_key, targets=targets)
    if present is not None and is_at_end:
        with transaction.atomic():
            share_rounds.use(locking.share_round(present.pk), now=timezone.now())
    return moved


def _end(present: ShareRound | None, reason: Reason) -> None:
    if present is not None:
        with transaction.atomic():
            share_rounds.end(locking.share_round(present.pk), reason=reason, now=timezone.now())


def _move_all(
    certificate: RecoveryCertificate, recovery_key: RecoveryKey, *, targets: Certificates
) -> tuple[int, bool]:
    """Return how many rows were moved, and whether the end was reached. Rows that do not open are skipped."""
    until, moved, last = time.monotonic() + SECONDS, 0, uuid.UUID(int=0)
    while time.monotonic() < until:
        found = left(certificate).filter(pk__gt=last).select_related("certificate__imported")
        rows = list(found.defer("certificate__private_key_wrapped")[:PORTION])
        if not rows:
            return moved, True
        last = rows[-1].pk
        made = [_readdressed(row, recovery_key, _recipients(row, targets)) for row in rows]
        done = _move(certificate, made, targets=targets)
        if done is None:  # the certificates in force have changed: the next run uses the new ones
            return moved, False
        moved += done
    return moved, False


def _recipients(row: ArchivedKey, targets: Certificates) -> Certificates:
    """Certificates in force that may open this key, as when it was archived."""
    if not imported_keys.for_officers_alone(row):
        return targets
    return tuple(each for each in targets if each.kind != RecoveryKeyKind.ONLINE)


def _readdressed(row: ArchivedKey, recovery_key: RecoveryKey, recipients: Certificates) -> Readdressed:
    """Wrap the row's envelope anew; without one if the old one does not open, or nobody may open it."""
    envelope = key_opening.open_outer_layer(row) if recipients else intake.NONE_IN_FORCE
    if isinstance(envelope, Reason):
        logger.warning("Archived key %s was not re-addressed: %s", row.pk, envelope.code)
        return Readdressed(row, recipients)
    try:
        moved = envelopes.readdress(envelope, recovery_key, [each.recipient for each in recipients])
    except KeyArchiveError as error:
        logger.warning("Archived key %s was not re-addressed: %s", row.pk, error.code)
        return Readdressed(row, recipients)
    wrapped = vault.wrap(moved, purpose=vault.Purpose.ARCHIVE, record=row.pk, owner=row.owner_id)
    return Readdressed(row, recipients, wrapped)


def _move(
    certificate: RecoveryCertificate,
    made: Sequence[Readdressed],
    *,
    targets: Certificates,
) -> int | None:
    """Store a portion by compare-and-swap; return how many rows. None: the certificates in force changed."""
    now = timezone.now()
    with transaction.atomic():
        if _in_force() != targets:
            return None
        done = [
            each
            for each in made
            if each.wrapped is not None
            and ArchivedKey.objects.filter(pk=each.row.pk, envelope_wrapped=each.row.envelope_wrapped).update(
                envelope_wrapped=each.wrapped, moved_at=now
            )
        ]
        ArchivedKeyRecipient.objects.filter(key__in=[each.row for each in done]).delete()
        ArchivedKeyRecipient.objects.bulk_create(
            ArchivedKeyRecipient(key=each.row, certificate=target)
            for each in done
            for target in each.recipients
        )
        if done:
            facts = {"fingerprint": certificate.fingerprint, "rows": len(done)}
            audit.record(audit.Event.KEYS_READDRESSED, actor=None, subject=None, **facts)
        return len(done)


def _destroy(certificate: RecoveryCertificate) -> None:
    """Erase a retired online recovery key for which no envelope is sealed any more."""
    with transaction.atomic():
        locked = locking.recovery_certificate(certificate.pk)
        if left(locked).exists():
            return
        locked.wrappings.filter(erased_at=None).update(content=None, erased_at=timezone.now())
        audit.record(
            audit.Event.RECOVERY_KEY_DESTROYED, actor=None, subject=None, fingerprint=locked.fingerprint
        )


def _in_force() -> Certificates:
    return tuple(RecoveryCertificate.objects.in_force(timezone.now()))
