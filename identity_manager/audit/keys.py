"""Keys of the audit log: MAC keys of the chain and signing keys of its heads."""

import base64

from django.conf import settings
from django.utils import timezone

from identity_manager import audit_proof
from identity_manager.vault.key_ring import Epoch, KeyRing


class NoKey(Exception):  # noqa: N818 says what is lacking
    """Missing MAC key or signing key of the audit log in this process; the text says which."""


def mac_key(version: str) -> bytes | None:
    """The MAC key of that version; None where this process does not hold it."""
    encoded = settings.AUDIT_KEYS.get(version)
    return base64.b64decode(encoded) if encoded else None


def newest_mac_key() -> tuple[str, bytes]:
    """Version and key for new MACs. Raises NoKey."""
    epoch = _in_use(settings.AUDIT_KEYS, "AUDIT_KEYS")
    return epoch.version, base64.b64decode(epoch.key)


def signing_key() -> tuple[str, bytes]:
    """Version and private key for new heads. Raises NoKey."""
    epoch = _in_use(settings.AUDIT_SIGNING_KEYS, "AUDIT_SIGNING_KEYS")
    return epoch.version, base64.b64decode(epoch.key)


def public_keys() -> list[str]:
    """Public keys (base64) of this process's signing keys, oldest first."""
    keys = settings.AUDIT_SIGNING_KEYS.values()
    return [audit_proof.public_key_of(base64.b64decode(key)) for key in keys]


def can_seal() -> bool:
    """Whether this process holds the keys of the audit log."""
    return bool(settings.AUDIT_KEYS)


def _in_use(ring: KeyRing, name: str) -> Epoch:
    epoch = ring.in_use(timezone.now())
    if epoch is None:
        raise NoKey(f"This process holds no key of {name}.")
    return epoch
