"""Envelope encryption of secrets at rest: the only module that wraps, unwraps and erases them.

AES-256-GCM under a data key per record, itself wrapped by a versioned key-encryption key from outside the
database (jobs/key_rotation.py rotates those). Record id, purpose and, where there is one, the owner are
authenticated data (AAD): a wrapped secret cannot be moved to another row, and a row cannot be given to
somebody else.

Layout: version of the key-encryption key, wrapped data key, wrapped secret.
"""

import base64
import secrets
import uuid
from contextlib import suppress
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection
from django.utils import timezone

from identity_manager.vault.key_ring import KeyRing

NONCE = 12
KEY = 32
TAG = 16
TRUNCATION_PATIENCE_MS = 200  # writers are blocked this long at most


class Purpose(StrEnum):
    """One ring of key-encryption keys per purpose; a process holds only the rings that it needs."""

    PRIVATE_KEYS = "private-keys"
    PASSPHRASES = "passphrases"
    OTHER = "other"
    ARCHIVE = "archive"  # the outer layer of archived keys
    SHARE_TRANSPORT = "share-transport"  # no key of the vault's own: vault/share_transport.py
    RECOVERY_KEYS = "recovery-keys"  # online recovery keys; without epochs: what they open has none either


class VaultError(Exception):
    """A secret cannot be wrapped or unwrapped. The text never holds a secret."""


def wrap(secret: bytes, *, purpose: Purpose, record: uuid.UUID, owner: uuid.UUID | None = None) -> bytes:
    """Wrap the secret for this record under the newest key of the purpose.

    owner: who else it is bound to, so that a row that is given to somebody else cannot be opened.
    """
    version, key = _in_use(purpose)
    data_key = secrets.token_bytes(KEY)
    bound = _bound(purpose, record, owner)
    label = version.encode("ascii")
    return bytes([len(label)]) + label + _encrypt(key, data_key, bound) + _encrypt(data_key, secret, bound)


def unwrap(
    wrapped: bytes,
    *,
    purpose: Purpose,
    record: uuid.UUID,
    owner: uuid.UUID | None = None,
    or_unbound: bool = False,
) -> bytes:
    """Return the secret. Raises VaultError for another record, owner or purpose, or a missing key.

    or_unbound: accept also a secret that a release up to 1.0 wrapped without an owner. That is no downgrade:
    the authentication tag of a secret that has an owner fails without the owner in the AAD.
    """
    wrapped = bytes(wrapped)
    start = 1 + wrapped[0]
    middle = start + NONCE + KEY + TAG
    key = _key(purpose, wrapped[1:start].decode("ascii", errors="replace"))
    for each in dict.fromkeys((owner, None) if or_unbound else (owner,)):
        bound = _bound(purpose, record, each)
        with suppress(InvalidTag):
            data_key = _decrypt(key, wrapped[start:middle], bound)
            return _decrypt(data_key, wrapped[middle:], bound)
    raise VaultError(f"A secret of {purpose} does not belong to this record or owner, or was changed.")


def version_of(wrapped: bytes) -> str:
    """The key version that a wrapped secret needs. Raises VaultError for malformed input."""
    label = bytes(wrapped[1 : 1 + wrapped[0]]) if wrapped else b""
    if not label or len(wrapped) < 1 + len(label) + 2 * (NONCE + TAG) + KEY:
        raise VaultError("This is no wrapped secret.")
    return label.decode("ascii", errors="replace")


def version_in_use(purpose: Purpose) -> str:
    """The key version that wraps new secrets. Raises VaultError where there is none."""
    return _in_use(purpose)[0]


def rewrap(
    wrapped: bytes,
    *,
    purpose: Purpose,
    record: uuid.UUID,
    owner: uuid.UUID | None = None,
    or_unbound: bool = False,
) -> bytes:
    """The same secret wrapped under the newest key, with the owner in its AAD. Raises VaultError."""
    secret = unwrap(wrapped, purpose=purpose, record=record, owner=owner, or_unbound=or_unbound)
    return wrap(secret, purpose=purpose, record=record, owner=owner)


def holds(purpose: Purpose) -> bool:
    """Whether this process has a key ring for the purpose."""
    return bool(settings.VAULT_KEYS[purpose])


def erase_traces() -> bool:
    """Truncate SQLite's write-ahead log, which keeps old pages, erased secrets among them.

    Returns False while another connection reads or writes: the next call truncates it. Does nothing on
    other databases. Call it outside any transaction. https://sqlite.org/pragma.html#pragma_wal_checkpoint
    """
    if connection.vendor != "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        (patience,) = cursor.fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {TRUNCATION_PATIENCE_MS}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, _pages, _moved = cursor.fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")
    return not busy


def _bound(purpose: Purpose, record: uuid.UUID, owner: uuid.UUID | None) -> bytes:
    return purpose.encode("ascii") + b"|" + record.bytes + (b"|" + owner.bytes if owner else b"")


def _in_use(purpose: Purpose) -> tuple[str, bytes]:
    ring = settings.VAULT_KEYS[purpose]
    epoch = ring.in_use(timezone.now()) if isinstance(ring, KeyRing) else None
    if not ring:
        raise VaultError(f"This process holds no key for {purpose}.")
    version = epoch.version if epoch else list(ring)[-1]
    return version, _key(purpose, version)


def _key(purpose: Purpose, version: str) -> bytes:
    encoded = settings.VAULT_KEYS[purpose].get(version)
    if encoded is None:
        raise VaultError(f"This process does not hold key {version} for {purpose}.")
    key = base64.b64decode(encoded)
    if len(key) != KEY:
        raise VaultError(f"Key {version} for {purpose} is not {KEY} bytes long.")
    return key


def _encrypt(key: bytes, plain: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], bound)
