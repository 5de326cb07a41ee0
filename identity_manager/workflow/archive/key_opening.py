"""Opening of an archived key: unwrap the outer layer, decrypt the envelope, compare key and certificate.

For a worker that holds a recovery key for one act. Each function returns its result, or the Reason why not.
"""

import uuid
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils.translation import gettext_lazy as _

from ca_bridge import issuing
from ca_bridge.errors import CaError, KeyArchiveError
from ca_bridge.keys import envelopes, keys, recovery_keys
from ca_bridge.keys.envelopes import OTHER_KEY, RecoveryKey
from identity_manager.models import (
    ArchivedKey,
    RecoveryCanary,
    RecoveryCertificate,
    RecoveryKeyKind,
    ShareRound,
)
from identity_manager.transactions.refusals import Reason, Refused
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import recovery_certificates, share_rounds

OUTER_LAYER = Reason(
    "archive-layer-does-not-open",
    _(
        "The archived key cannot be opened here: this worker lacks its key of the ring KEYS_ARCHIVE, or its"
        " row was changed or belongs to somebody else."
    ),
)
OF_ANOTHER_CERTIFICATE = Reason(OTHER_KEY[0], OTHER_KEY[1])
NO_ONLINE_KEY = Reason(
    "no-online-recovery-key", _("This key was not archived for a recovery key that workers hold.")
)
ONLINE_KEY_CHANGED = Reason(
    "online-recovery-key-changed",
    _("The online recovery key is not the one that two Recovery Officers confirmed."),
)
ONLINE_KEY_DOES_NOT_OPEN = Reason(
    "online-recovery-key-does-not-open",
    _(
        "The online recovery key cannot be opened here: this worker lacks the ring KEYS_RECOVERY, or the key"
        " was changed."
    ),
)

OFFICERS_KEY_CHANGED = Reason(
    "officers-recovery-key-changed",
    _("The recovery key of the officers is not the one that two of them confirmed."),
)
SHARES_NOT_FOR_THIS = Reason(
    "recovery-shares-not-for-this",
    _("The shares were not given for this in its present form, or were changed on their way."),
)


def open_key(row: ArchivedKey, recovery_key: RecoveryKey) -> keys.PrivateKey | Reason:
    """Return the row's private key, or why not. It has to match the row's certificate, if there is one.

    The outer layer authenticates the owner: a row whose owner was changed does not open.
    """
    key = open_both_layers(row, recovery_key)
    if isinstance(key, Reason) or row.certificate is None or _is_of(key, row.certificate.der):
        return key
    return OF_ANOTHER_CERTIFICATE


def open_both_layers(
    row: ArchivedKey | RecoveryCanary, recovery_key: RecoveryKey
) -> keys.PrivateKey | Reason:
    """Return the private key of an archived key or of a drill's canary, or why not."""
    envelope = open_outer_layer(row)
    if isinstance(envelope, Reason):
        return envelope
    try:
        return envelopes.unseal_key(envelope, recovery_key, public_key_sha256=row.public_key_sha256)
    except KeyArchiveError as error:
        return Reason(error.code, error.message)


def open_outer_layer(row: ArchivedKey | RecoveryCanary) -> bytes | Reason:
    """Return the CMS envelope of the row, or why it does not open."""
    try:
        return vault.unwrap(
            row.envelope_wrapped, purpose=vault.Purpose.ARCHIVE, record=row.pk, owner=row.owner_id
        )
    except vault.VaultError:
        return OUTER_LAYER


def online_recovery_key(recipients: Iterable[uuid.UUID]) -> RecoveryKey | Reason:
    """Return an online recovery key of one of these recovery certificates, retired or not; or why not.

    The certificate has to be as two Recovery Officers confirmed it, and the key has to match it.
    """
    online = RecoveryCertificate.objects.filter(pk__in=recipients, kind=RecoveryKeyKind.ONLINE)
    found: RecoveryKey | Reason = NO_ONLINE_KEY
    for certificate in online.order_by("state", "pk"):  # "in-force" sorts before "retired"
        found = _online_key(certificate)
        if isinstance(found, RecoveryKey):
            return found
    return found


def _online_key(certificate: RecoveryCertificate) -> RecoveryKey | Reason:
    if not recovery_certificates.is_as_confirmed(certificate):
        return ONLINE_KEY_CHANGED
    wrapping = certificate.wrappings.filter(erased_at=None).first()
    if wrapping is None or wrapping.content is None:
        return ONLINE_KEY_DOES_NOT_OPEN
    try:
        plain = vault.unwrap(wrapping.content, purpose=vault.Purpose.RECOVERY_KEYS, record=certificate.pk)
        private = keys.from_pkcs8(plain)
    except (vault.VaultError, CaError):
        return ONLINE_KEY_DOES_NOT_OPEN
    if not isinstance(private, rsa.RSAPrivateKey) or not _is_of(private, certificate.certificate):
        return ONLINE_KEY_CHANGED
    return RecoveryKey(private, bytes.fromhex(certificate.key_id))


def _is_of(key: keys.PrivateKey, certificate: bytes) -> bool:
    try:
        return issuing.describe(certificate).public_key_sha256 == keys.public_key_sha256(key)
    except CaError:
        return False


def key_with_shares(certificate: RecoveryCertificate, present: ShareRound) -> RecoveryKey | Reason:
    """Return the certificate's recovery key, opened with the shares of a complete round; or why not.

    Raises VaultError if this worker lacks the ring of the share-transport key, so that another one tries.
    """
    if not recovery_certificates.is_as_confirmed(certificate):
        return OFFICERS_KEY_CHANGED
    try:
        texts = share_rounds.texts(present)
    except Refused as refused:
        return refused.reason
    except vault.VaultError:
        if not vault.holds(vault.Purpose.SHARE_TRANSPORT):
            raise
        return SHARES_NOT_FOR_THIS
    wrapping = certificate.wrappings.get(erased_at=None)
    try:
        document = recovery_keys.read(wrapping.content or b"", now=None)
        if document.certificate != certificate.certificate:
            return OFFICERS_KEY_CHANGED
        return recovery_keys.open_with_shares(document, texts)
    except KeyArchiveError as error:
        return Reason(error.code, error.message)
