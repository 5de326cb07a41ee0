"""The share-transport key: workers hold the private half, in epochs like those of every ring.

A sealed share begins with the version of its key, as the vault's secrets do (vault.version_of), so that key
rotation can count the uses of an epoch.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import share_transport
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KEY
from identity_manager.vault.key_ring import BEGINNING, KeyRing
from identity_manager.vault.wrapping import Purpose, VaultError


@dataclass(frozen=True)
class PublicHalf:
    """The public half of one epoch, for web processes."""

    version: str
    public_key: bytes
    in_use_from: datetime


def public_halves() -> Iterator[PublicHalf]:
    """The public half of each epoch that this process holds, oldest first."""
    ring = settings.VAULT_KEYS[Purpose.SHARE_TRANSPORT]
    begun = {each.version: each.in_use_from for each in ring.epochs()} if isinstance(ring, KeyRing) else {}
    for version in ring:
        public_key = share_transport.public_half(_private(version))
        yield PublicHalf(version, public_key, begun.get(version, BEGINNING))


def seal(text: str, *, half: PublicHalf, info: bytes) -> bytes:
    """Encrypt a share for workers. Raises KeyArchiveError."""
    label = half.version.encode("ascii")
    return bytes([len(label)]) + label + share_transport.seal(text, public_key=half.public_key, info=info)


def unseal(sealed: bytes, *, info: bytes) -> str:
    """Decrypt a share. Raises VaultError if this process lacks the key, or `info` is another one."""
    version = vault.version_of(sealed)
    try:
        content = bytes(sealed)[1 + len(version) :]
        return share_transport.unseal(content, private_key=_private(version), info=info)
    except KeyArchiveError as error:
        raise VaultError(str(error)) from None


def _private(version: str) -> bytes:
    encoded = settings.VAULT_KEYS[Purpose.SHARE_TRANSPORT].get(version)
    if encoded is None:
        raise VaultError(f"This process does not hold key {version} for {Purpose.SHARE_TRANSPORT}.")
    key = base64.b64decode(encoded)
    if len(key) != KEY:
        raise VaultError(f"Key {version} for {Purpose.SHARE_TRANSPORT} is not {KEY} bytes long.")
    return key
