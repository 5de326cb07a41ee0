"""Archive intake: the keys of a token whose type archives are sealed with it, or the token waits.

prepare: in the act, outside any transaction: an envelope for each key, addressed to every recovery
certificate in force, and wrapped by the vault, bound to its owner and row.
obstacle and store: in the settle transaction. What is in force is compared once more, so that no key is
stored for a certificate that was retired meanwhile, or without one that came into force.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.keys import envelopes, keys
from identity_manager import audit
from identity_manager.catalogue import archiving
from identity_manager.models import (
    ArchivedKey,
    ArchivedKeyRecipient,
    AuditEvent,
    Certificate,
    NamedArchiving,
    RecoveryCertificate,
    SoftwareToken,
)
from identity_manager.transactions.refusals import Reason
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import recovery_certificates
from identity_manager.workflow.terms import accepted

NONE_IN_FORCE = Reason(
    "waits-for-recovery-certificate",
    _("Its keys are to be archived, and no recovery certificate is in force: Recovery Officers have to act."),
)
NOT_AS_CONFIRMED = Reason(
    "recovery-certificate-changed",
    _("A recovery certificate is not what was confirmed: nothing is archived until it is retired."),
)
TERMS_DO_NOT_SAY_IT = Reason(
    "accepted-terms-do-not-name-archiving",
    _("Its keys are to be archived, and the terms that its person accepted do not say so."),
)
NO_RING = Reason(
    "no-archive-ring", _("Its keys are to be archived, and this worker does not hold the ring KEYS_ARCHIVE.")
)
CHANGED_MEANWHILE = Reason(
    "recovery-certificates-moved", _("The recovery certificates in force have changed: it is sealed anew.")
)


@dataclass(frozen=True)
class Intake:
    """What the act prepared: rows, not yet saved, for which recovery certificates, or why there are none."""

    rows: tuple[ArchivedKey, ...] = ()
    recipients: tuple[uuid.UUID, ...] = ()
    reason: Reason | None = field(default=None)


def prepare(given: Sequence[tuple[Certificate, keys.PrivateKey]]) -> Intake:
    """Seal the keys of one token, where its type archives."""
    return seal_for_recovery([(certificate, key) for certificate, key in given if archives(certificate)])


def seal_for_recovery(wanted: Sequence[tuple[Certificate, keys.PrivateKey]]) -> Intake:
    """Seal these keys for the recovery certificates in force, or say why not."""
    if not wanted:
        return Intake()
    if not vault.holds(vault.Purpose.ARCHIVE):
        return Intake(reason=NO_RING)
    present = list(RecoveryCertificate.objects.in_force(timezone.now()))
    if not present:
        return Intake(reason=NONE_IN_FORCE)
    if not all(map(recovery_certificates.is_as_confirmed, present)):
        return Intake(reason=NOT_AS_CONFIRMED)
    rows = [sealed(certificate, key, present) for certificate, key in wanted]
    return Intake(tuple(rows), tuple(row.pk for row in present))


def archives(certificate: Certificate) -> bool:
    """Whether the certificate's key is archived: its type says so, and its profile lets it be."""
    return certificate.token.required_type.archive_key and certificate.profile.may_be_archived


def sealed(
    certificate: Certificate, key: keys.PrivateKey, present: Sequence[RecoveryCertificate]
) -> ArchivedKey:
    """The row, not saved, of a certificate that has its token and its profile."""
    row = ArchivedKey(
        owner_id=certificate.token.person_id,
        certificate=certificate,
        purpose=certificate.profile.purpose,
        public_key_sha256=keys.public_key_sha256(key).hex(),
    )
    envelope = envelopes.seal(keys.to_pkcs8(key), [each.recipient for each in present])
    row.envelope_wrapped = vault.wrap(
        envelope, purpose=vault.Purpose.ARCHIVE, record=row.pk, owner=row.owner_id
    )
    return row


def obstacle(intake: Intake, token: SoftwareToken, given: Sequence[Certificate]) -> Reason | None:
    """Why the locked token is not sealed now, or None. A key that is to be archived is never left out."""
    wanted = token.archives_keys and {row.public_key_sha256 for row in given if archives(row)}
    if not wanted:
        return None
    if intake.reason is not None:
        return intake.reason
    prepared = {row.public_key_sha256 for row in intake.rows}
    if not is_for_those_in_force(intake) or wanted != prepared:
        return CHANGED_MEANWHILE
    return None if _accepted_terms_say_it(token, given) else TERMS_DO_NOT_SAY_IT


def is_for_those_in_force(intake: Intake) -> bool:
    """Whether the recovery certificates in force are still those for which it was sealed."""
    in_force = RecoveryCertificate.objects.in_force(timezone.now()).values_list("pk", flat=True)
    return tuple(in_force) == intake.recipients


def _accepted_terms_say_it(token: SoftwareToken, given: Sequence[Certificate]) -> bool:
    version = accepted.version_of(token)
    said = version.names_archiving if version else NamedArchiving.NONE
    return archiving.are_named(said, [row.profile for row in given])


def store(prepared: Iterable[tuple[SoftwareToken, Intake]]) -> list[AuditEvent]:
    """Save what was prepared, in the caller's transaction; returns what happened, for the log."""
    rows = [(token, row, intake.recipients) for token, intake in prepared for row in intake.rows]
    if not rows:
        return []
    ArchivedKey.objects.bulk_create(row for _token, row, _recipients in rows)
    ArchivedKeyRecipient.objects.bulk_create(
        ArchivedKeyRecipient(key=row, certificate_id=recipient)
        for _token, row, recipients in rows
        for recipient in recipients
    )
    return [
        audit.event_about(
            audit.Event.KEY_ARCHIVED, actor=None, subject=token, public_key=row.public_key_sha256
        )
        for token, row, _recipients in rows
    ]
