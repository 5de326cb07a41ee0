"""Key-encryption keys wrap data keys of 32 bytes; the secret itself never goes where they lie."""

import secrets
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE, KEY, TAG = 12, 32, 16


class KeyServiceDown(Exception):  # noqa: N818 a passing state, which others wait for
    """The service or HSM with a key does not answer. It passes: nothing is lost, and work is tried again.

    Never a VaultError, which says of a secret that it is not what it should be. The text has no secret.
    """


class KeyEncryptionKey(Protocol):
    """A key that wraps data keys."""

    def wrap(self, data_key: bytes, bound: bytes) -> bytes:
        """Wrap the data key, with `bound` as authenticated data. Raises KeyServiceDown."""

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Raises InvalidTag where it is not what was wrapped, or was bound to something else."""


@dataclass(frozen=True)
class RingKey:
    """A key that stands in the ring: AES-256-GCM in this process."""

    key: bytes

    def wrap(self, data_key: bytes, bound: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE)
        return nonce + AESGCM(self.key).encrypt(nonce, data_key, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        return AESGCM(self.key).decrypt(wrapped[:NONCE], wrapped[NONCE:], bound)
