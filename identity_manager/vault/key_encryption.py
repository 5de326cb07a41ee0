"""Key-encryption keys (KEK): they wrap data keys of 32 bytes; secrets are never sent to a key service."""

import secrets
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE, KEY, TAG = 12, 32, 16


class KeyServiceDown(Exception):  # noqa: N818 a transient state, which others wait for
    """The key service or HSM does not answer: a transient fault, after which work is retried.

    Not a VaultError, which means a wrong or damaged secret. The text holds no secret.
    """


class KeyVersionClosed(KeyServiceDown):
    """The key service or HSM answers, but has this version of the key no more, or opens nothing with it."""


class KeyEncryptionKey(Protocol):
    """A key that wraps data keys."""

    def wrap(self, data_key: bytes, bound: bytes) -> bytes:
        """Wrap the data key, with `bound` as authenticated data (AAD). Raises KeyServiceDown."""

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Unwrap the data key. Raises InvalidTag (damaged, or another `bound`) or KeyServiceDown."""


@dataclass(frozen=True)
class RingKey:
    """A key whose bytes are in the ring: AES-256-GCM in this process."""

    key: bytes

    def wrap(self, data_key: bytes, bound: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE)
        return nonce + AESGCM(self.key).encrypt(nonce, data_key, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        return AESGCM(self.key).decrypt(wrapped[:NONCE], wrapped[NONCE:], bound)
