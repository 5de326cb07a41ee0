"""Encryption of shares on their way to a worker: HPKE (RFC 9180), X25519, HKDF-SHA256, AES-256-GCM.

The public half encrypts only. `info` is authenticated and not sent: a share that was encrypted for one
purpose does not decrypt for another.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import shares

SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
PREFIX = b"identity-manager share 1|"


def public_half(private: bytes) -> bytes:
    """The public key (32 octets) of a private one; any 32 octets are one (RFC 7748 5)."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def seal(text: str, *, public_key: bytes, info: bytes) -> bytes:
    """Encrypt one share, with its words completed, to a public key. Raises KeyArchiveError."""
    content = shares.completed(text).encode("ascii")
    return SUITE.encrypt(content, X25519PublicKey.from_public_bytes(public_key), info=PREFIX + info)


def unseal(sealed: bytes, *, private_key: bytes, info: bytes) -> str:
    """Decrypt a share. Raises KeyArchiveError for another key, another info, or a modified ciphertext."""
    try:
        plain = SUITE.decrypt(sealed, X25519PrivateKey.from_private_bytes(private_key), info=PREFIX + info)
    except InvalidTag:
        raise KeyArchiveError(shares.NOT_FOR_THIS) from None
    return plain.decode("ascii")
