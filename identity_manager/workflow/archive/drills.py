"""Recovery drills: once a year officers recover a canary key, as any archived key, with their shares.

A worker archives one canary for each recovery certificate in force and keeps it, so that a drill opens an
old archive row: the outer layer, the envelope, and the recovery key with its present officers. The canary
then goes into a container of each format under a new passphrase; each is opened as a check and dropped.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.errors import CaError
from ca_bridge.keys import envelopes, keys, recovery_keys
from ca_bridge.keys.envelopes import RecoveryKey
from ca_bridge.pkcs12 import passphrase
from ca_bridge.pkcs12 import writer as pkcs12
from identity_manager import audit
from identity_manager.models import (
    Person,
    RecoveryCanary,
    RecoveryCertificate,
    RecoveryDrill,
    RecoveryKeyKind,
    RecoveryKeyWrapping,
    SharePurpose,
    ShareRound,
    ShareRoundState,
    SubmittedShare,
)
from identity_manager.models.archive.recovery_drill import ASKED_BEFORE, EVERY, due_since
from identity_manager.models.people.vouching import Exclusion
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, require
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import (
    key_opening,
    recovery_certificate_policy,
    recovery_certificates,
    share_rounds,
)
from identity_manager.workflow.archive.share_rounds import Subject

OWN_DRILL = Reason("own-drill", _("You began this drill. Another Recovery Officer confirms it."))
DRILL_NOT_WAITING = Reason("drill-not-waiting", _("This drill does not wait any more."))
DRILL_UNDER_WAY = Reason("drill-under-way", _("A drill for this recovery certificate is under way already."))
NOT_IN_FORCE = Reason("drill-not-in-force", _("This recovery certificate is not in force."))
NO_CANARY = Reason(
    "drill-without-canary", _("No worker has archived a canary key for this recovery certificate yet.")
)
NOT_PACKED = Reason(
    "drill-container", _("The canary key was opened, but no container that opens again came of it.")
)
REASONS = {Exclusion.OFFICE: recovery_certificate_policy.NOT_RECOVERY_OFFICER, Exclusion.ASKED: OWN_DRILL}


@dataclass(frozen=True)
class DrillStatus:
    """Drill state of a recovery certificate in force: last proof, next drill, holders absent for a year."""

    certificate: RecoveryCertificate
    proved_at: datetime | None
    late_from: datetime | None
    absent: Sequence[Person]
    is_due: bool
    is_late: bool


def drill_statuses(now: datetime) -> list[DrillStatus]:
    """Return the drill state of each recovery certificate in force."""
    rows = RecoveryCertificate.objects.in_force(now).defer("certificate", "seal")
    return [_standing(row, now) for row in rows.annotate(last_proof=Max("drills__proved_at"))]


def _standing(certificate: RecoveryCertificate, now: datetime) -> DrillStatus:
    last: datetime | None = vars(certificate)["last_proof"]
    late_from = due_since(certificate, last)
    return DrillStatus(
        certificate,
        last,
        late_from,
        absent=_absent(certificate, now),
        is_due=late_from is not None and late_from - ASKED_BEFORE <= now,
        is_late=late_from is not None and late_from <= now,
    )


def _absent(certificate: RecoveryCertificate, now: datetime) -> list[Person]:
    """Share holders who have given no share for a year; none before a year has passed."""
    present = certificate.wrappings.filter(erased_at=None).first()
    if present is None or present.made_at > now - EVERY:
        return []
    given = SubmittedShare.objects.filter(
        round__state=ShareRoundState.USED, round__wrapping=present, given_at__gt=now - EVERY
    )
    rows = present.shares.exclude(officer__in=given.values("officer")).select_related("officer")
    return [row.officer for row in rows]


def begin(*, actor: Person, certificate_id: uuid.UUID) -> RecoveryDrill:
    """Begin a drill, by a Recovery Officer; another one confirms it. Raises NotAllowed or Stale."""
    with transaction.atomic():
        certificate = locking.recovery_certificate(certificate_id)
        recovery_officer = recovery_certificate_policy.is_recovery_officer(actor)
        require(recovery_officer, else_=recovery_certificate_policy.NOT_RECOVERY_OFFICER, kind=NotAllowed)
        in_force = RecoveryCertificate.objects.in_force(timezone.now()).filter(pk=certificate_id)
        require(in_force.exists(), else_=NOT_IN_FORCE, kind=Stale)
        open_ones = certificate.drills.filter(pk__in=RecoveryDrill.objects.under_way())
        require(not open_ones.exists(), else_=DRILL_UNDER_WAY, kind=Stale)
        require(RecoveryCanary.objects.filter(certificate=certificate).exists(), else_=NO_CANARY)

        drill = RecoveryDrill.objects.create(certificate=certificate, asked_by=actor)
        audit.record(audit.Event.DRILL_BEGUN, actor=actor, subject=None, **_facts(drill))
        return drill


def confirm(*, actor: Person, drill_id: uuid.UUID) -> RecoveryDrill:
    """Confirm a drill, by a second officer; the job then opens the canary, or waits for shares.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        drill = locking.recovery_drill(drill_id)
        second_officer.require(actor, drill, reasons=REASONS, not_waiting=DRILL_NOT_WAITING)

        drill.confirm(by=actor, now=timezone.now())
        drill.save()
        audit.record(audit.Event.DRILL_CONFIRMED, actor=actor, subject=None, **_facts(drill))
        return drill


def give_share(*, actor: Person, drill_id: uuid.UUID, share: str) -> ShareRound:
    """Give a Recovery Officer's share. Raises NotAllowed, NotPossible at the field share, or Stale."""
    with share_rounds.counted(actor=actor, subject_id=drill_id), transaction.atomic():
        drill = locking.recovery_drill(drill_id)
        recovery_officer = recovery_certificate_policy.is_recovery_officer(actor)
        require(recovery_officer, else_=recovery_certificate_policy.NOT_RECOVERY_OFFICER, kind=NotAllowed)
        require(awaits_shares(drill), else_=DRILL_NOT_WAITING, kind=Stale)
        return share_rounds.put(
            actor=actor, wrapping=wrapping_of(drill), subject=subject_of(drill), text=share
        )


def awaits_shares(drill: RecoveryDrill) -> bool:
    """Whether the drill is confirmed and its recovery key is split, so that only shares are missing."""
    return drill.is_to_be_carried_out and drill.certificate.kind != RecoveryKeyKind.ONLINE


def wrapping_of(drill: RecoveryDrill) -> RecoveryKeyWrapping:
    """The present wrapping of the recovery key, which names the share holders."""
    return RecoveryKeyWrapping.objects.get(certificate=drill.certificate_id, erased_at=None)


def subject_of(drill: RecoveryDrill) -> Subject:
    """The subject that shares for this drill are bound to."""
    seen = f"{drill.pk}|{drill.certificate.fingerprint}"
    return Subject(SharePurpose.DRILL, drill.pk, hashlib.sha256(seen.encode()).hexdigest())


def carry_out() -> int:
    """Job on workers: archive missing canaries and carry out the drills that are ready; returns how many."""
    if not vault.holds(vault.Purpose.ARCHIVE):
        return 0
    for certificate in RecoveryCertificate.objects.in_force(timezone.now()).filter(canary=None):
        _archive_canary(certificate)
    ready = [drill for drill in RecoveryDrill.objects.to_carry_out() if _is_ready(drill)]
    for drill in ready:
        _settle(drill.pk, _open(drill))
    return len(ready)


def _archive_canary(certificate: RecoveryCertificate) -> None:
    if not recovery_certificates.is_as_confirmed(certificate):
        return
    key = keys.generate(KeyAlgorithm.EC_P256)
    row = RecoveryCanary(certificate=certificate, public_key_sha256=keys.public_key_sha256(key).hex())
    envelope = envelopes.seal(keys.to_pkcs8(key), [certificate.recipient])
    row.envelope_wrapped = vault.wrap(envelope, purpose=vault.Purpose.ARCHIVE, record=row.pk)
    with transaction.atomic():
        row.save()


def _is_ready(drill: RecoveryDrill) -> bool:
    return not awaits_shares(drill) or _complete_round(drill) is not None


def _complete_round(drill: RecoveryDrill) -> ShareRound | None:
    subject = subject_of(drill)
    rows = ShareRound.objects.filter(subject=drill.pk, digest=subject.digest, state=ShareRoundState.COMPLETE)
    return rows.first()


def _open(drill: RecoveryDrill) -> Reason | None:
    """Recover the canary as any archived key; return why it failed, or None. Raises VaultError."""
    canary = RecoveryCanary.objects.filter(certificate=drill.certificate_id).first()
    recovery_key = _recovery_key(drill)
    if canary is None:
        return NO_CANARY
    if isinstance(recovery_key, Reason):
        return recovery_key
    key = key_opening.open_both_layers(canary, recovery_key)
    return key if isinstance(key, Reason) else _pack(key)


def _pack(key: keys.PrivateKey) -> Reason | None:
    """Build and re-open a container of each format; return why it failed, or None."""
    certificate = recovery_keys.self_signed("Recovery canary", key, days=1)
    secret, key_sha256 = passphrase.generate(), keys.public_key_sha256(key)
    try:
        for container_format in pkcs12.written_formats():
            container = pkcs12.build(
                key=key,
                certificate=certificate,
                chain=(),
                friendly_name="Recovery canary",
                passphrase=secret,
                format=container_format,
            )
            pkcs12.check(container, passphrase=secret, certificate=certificate, key_sha256=key_sha256)
    except CaError:
        return NOT_PACKED
    return None


def _recovery_key(drill: RecoveryDrill) -> RecoveryKey | Reason:
    certificate = drill.certificate
    if certificate.kind == RecoveryKeyKind.ONLINE:
        return key_opening.online_recovery_key([certificate.pk])
    present = _complete_round(drill)
    if present is None:
        return share_rounds.TIME_OVER
    return key_opening.key_with_shares(certificate, present)


def _settle(drill_id: uuid.UUID, reason: Reason | None) -> None:
    with transaction.atomic():
        drill, now = locking.recovery_drill(drill_id), timezone.now()
        if not drill.is_to_be_carried_out:
            return
        present = _complete_round(drill)
        if present is not None and reason is None:
            share_rounds.use(locking.share_round(present.pk), now=now)
        elif present is not None and reason is not None:
            share_rounds.end(locking.share_round(present.pk), reason=reason, now=now)
        drill.proved_at, drill.failed_at = (now, None) if reason is None else (None, now)
        drill.failure = reason.code if reason else ""
        drill.save()
        if reason is None:
            audit.record(audit.Event.DRILL_PROVED, actor=None, subject=None, **_facts(drill))
        else:
            audit.record(
                audit.Event.DRILL_FAILED, actor=None, subject=None, code=reason.code, **_facts(drill)
            )


def _facts(drill: RecoveryDrill) -> dict[str, str]:
    return {"certificate": str(drill.certificate_id), "fingerprint": drill.certificate.fingerprint}
