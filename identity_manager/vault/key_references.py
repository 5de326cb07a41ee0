"""References to key-encryption keys that never leave a key service or an HSM.

A ring's line has 32 bytes in base64, `transit:NAME:VERSION` for a key of OpenBao or Vault (secrets engine
transit), or `pkcs11:LABEL` for an AES key in the HSM of KEYS_HSM_MODULE.
"""

import re
import secrets

from cryptography.exceptions import InvalidTag

from identity_manager.vault.hsm_key import HsmKey
from identity_manager.vault.key_encryption import KEY, KeyEncryptionKey
from identity_manager.vault.transit_key import TransitKey

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}"
_TRANSIT = re.compile(rf"transit:({_NAME}):([1-9][0-9]{{0,8}})")
_PKCS11 = re.compile(rf"pkcs11:({_NAME})")


def is_reference(key: str) -> bool:
    """Whether a ring's line refers to a key in a key service or HSM."""
    return bool(_TRANSIT.fullmatch(key) or _PKCS11.fullmatch(key))


def of_reference(reference: str) -> KeyEncryptionKey:
    """Return the key that the reference names. Raises ValueError for another text."""
    if found := _TRANSIT.fullmatch(reference):
        return TransitKey(found[1], int(found[2]))
    if found := _PKCS11.fullmatch(reference):
        return HsmKey(found[1])
    raise ValueError("This is no reference to a key.")


def works(key: KeyEncryptionKey) -> bool:
    """Whether the key unwraps what it has wrapped (self-test). Raises KeyServiceDown."""
    data_key = secrets.token_bytes(KEY)
    try:
        return key.unwrap(key.wrap(data_key, b"probe"), b"probe") == data_key
    except InvalidTag:
        return False
