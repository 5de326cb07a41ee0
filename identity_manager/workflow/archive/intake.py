"""Archive intake: a token whose type archives keys is sealed together with them, or waits.

seal_for_archive: in the act, outside any transaction: a CMS envelope for each key, addressed to every
recovery certificate in force, and wrapped by the vault with its owner and row as authenticated data.
obstacle and store: in the settle transaction. The recovery certificates in force are compared again, so that
no key is stored for one that was retired meanwhile, or without one that came into force.
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
    """Prepared archive rows, not yet saved, and their recovery certificates; or the reason for none."""

    rows: tuple[ArchivedKey, ...] = ()
    recipients: tuple[uuid.UUID, ...] = ()
    reason: Reason | None = field(default=None)


def seal_for_archive(given: Sequence[tuple[Certificate, keys.PrivateKey]]) -> Intake:
    """Seal those keys of one token that are to be archived."""
    return seal_for_recovery([(certificate, key) for certificate, key in given if archives(certificate)])


def seal_for_recovery(wanted: Sequence[tuple[Certificate, keys.PrivateKey]]) -> Intake:
    """Seal these keys for the recovery certificates in force; the result has the reason if it cannot."""
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
    """Whether the certificate's key is to be archived: by its token type, and allowed by its profile."""
    return certificate.token.required_type.archive_key and certificate.profile.may_be_archived


def sealed(
    certificate: Certificate, key: keys.PrivateKey, present: Sequence[RecoveryCertificate]
) -> ArchivedKey:
    """Return the unsaved archive row of a certificate whose token and profile are loaded."""
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
    """Why the locked token cannot be sealed now, or None: every key to be archived has to be prepared."""
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
    """Whether the keys were sealed for exactly the recovery certificates that are in force now."""
    in_force = RecoveryCertificate.objects.in_force(timezone.now()).values_list("pk", flat=True)
    return tuple(in_force) == intake.recipients


def _accepted_terms_say_it(token: SoftwareToken, given: Sequence[Certificate]) -> bool:
    version = accepted.version_of(token)
    said = version.names_archiving if version else NamedArchiving.NONE
    return archiving.are_named(said, [row.profile for row in given])


def store(prepared: Iterable[tuple[SoftwareToken, Intake]]) -> list[AuditEvent]:
    """Save the prepared rows, in the caller's transaction; return the audit events."""
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
