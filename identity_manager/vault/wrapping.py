"""Envelope encryption of secrets at rest: the only module that wraps, unwraps and erases them.

AES-256-GCM under a data key per record, itself wrapped by a versioned key-encryption key from outside the
database (rotated by jobs/key_rotation.py), which is in a ring of this process, in a key service or in an HSM
(vault/key_references.py). Record id, purpose and the owner, if any, are authenticated data (AAD): a wrapped
secret cannot be moved to another row, and a row cannot be given to another owner.

Layout: version of the key-encryption key behind its length, wrapped data key, wrapped secret. A data key that
a key service or HSM has wrapped has a length of its own: then `e:` stands before the version, and two octets
with the length before the data key. Releases without key services refuse such a secret by its version.
"""

import base64
import secrets
import uuid
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.db import connection
from django.utils import timezone

from identity_manager.vault import key_references
from identity_manager.vault.key_encryption import KEY, NONCE, TAG, KeyEncryptionKey, RingKey
from identity_manager.vault.key_ring import KeyRing

ELSEWHERE = "e:"  # before the version, where the key lies in a key service or HSM
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

    owner: bound as well, so that a row that is given to another owner cannot be opened.
    """
    version, key = _in_use(purpose)
    data_key = secrets.token_bytes(KEY)
    bound = _bound(purpose, record, owner)
    wrapped = key.wrap(data_key, bound)
    if isinstance(key, RingKey):
        head = _labelled(version)
    else:
        head = _labelled(ELSEWHERE + version) + len(wrapped).to_bytes(2, "big")
    return head + wrapped + RingKey(data_key).wrap(secret, bound)


def unwrap(
    wrapped: bytes,
    *,
    purpose: Purpose,
    record: uuid.UUID,
    owner: uuid.UUID | None = None,
    or_unbound: bool = False,
) -> bytes:
    """Return the secret. Raises VaultError for another record, owner or purpose, or a missing key.

    Raises KeyServiceDown, a transient fault, if the key service or HSM does not answer.

    or_unbound: accept also a secret that a release up to 1.0 wrapped without an owner. That is no downgrade:
    the authentication tag of a secret that has an owner fails without the owner in the AAD.
    """
    parts = _parts(bytes(wrapped))
    key = _key(purpose, parts.version)
    for each in dict.fromkeys((owner, None) if or_unbound else (owner,)):
        bound = _bound(purpose, record, each)
        with suppress(InvalidTag):
            data_key = key.unwrap(parts.data_key, bound)
            return RingKey(data_key).unwrap(parts.secret, bound)
    raise VaultError(f"A secret of {purpose} does not belong to this record or owner, or was changed.")


def version_of(wrapped: bytes) -> str:
    """The key version that a wrapped secret needs. Raises VaultError for malformed input."""
    return _parts(bytes(wrapped)).version


@dataclass(frozen=True)
class _Parts:
    """A wrapped secret, taken apart."""

    version: str
    data_key: bytes
    secret: bytes


def _parts(wrapped: bytes) -> _Parts:
    """Raises VaultError for malformed input."""
    start = 1 + wrapped[0] if wrapped else 1
    label = wrapped[1:start].decode("ascii", errors="replace")
    is_elsewhere = label.startswith(ELSEWHERE)
    length = int.from_bytes(wrapped[start : start + 2], "big") if is_elsewhere else NONCE + KEY + TAG
    start += 2 if is_elsewhere else 0
    parts = _Parts(label.removeprefix(ELSEWHERE), wrapped[start : start + length], wrapped[start + length :])
    if not parts.version or not length or len(parts.secret) < NONCE + TAG:
        raise VaultError("This is no wrapped secret.")
    return parts


def _labelled(label: str) -> bytes:
    encoded = label.encode("ascii")
    return bytes([len(encoded)]) + encoded


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


def holds(purpose: Purpose, version: str = "") -> bool:
    """Whether this process has a key ring for the purpose, with that version where one is named."""
    ring = settings.VAULT_KEYS[purpose]
    return version in ring if version else bool(ring)


def keys_elsewhere() -> list[KeyEncryptionKey]:
    """The keys of a key service or HSM that this process wraps new secrets with."""
    in_use = [_in_use(purpose)[1] for purpose in Purpose if _refers_elsewhere(purpose)]
    return [key for key in in_use if not isinstance(key, RingKey)]


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


def _refers_elsewhere(purpose: Purpose) -> bool:
    return any(map(key_references.is_reference, settings.VAULT_KEYS[purpose].values()))


def _in_use(purpose: Purpose) -> tuple[str, KeyEncryptionKey]:
    ring = settings.VAULT_KEYS[purpose]
    epoch = ring.in_use(timezone.now()) if isinstance(ring, KeyRing) else None
    if not ring:
        raise VaultError(f"This process holds no key for {purpose}.")
    version = epoch.version if epoch else list(ring)[-1]
    return version, _key(purpose, version)


def _key(purpose: Purpose, version: str) -> KeyEncryptionKey:
    encoded = settings.VAULT_KEYS[purpose].get(version)
    if encoded is None:
        raise VaultError(f"This process does not hold key {version} for {purpose}.")
    if key_references.is_reference(encoded):
        return key_references.of_reference(encoded)
    key = base64.b64decode(encoded)
    if len(key) != KEY:
        raise VaultError(f"Key {version} for {purpose} is not {KEY} bytes long.")
    return RingKey(key)
