"""Secrets of webhooks: address and signature key, wrapped for their row; signatures of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterator
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from identity_manager.models import Webhook, WebhookSignature
from identity_manager.vault import wrapping as vault

KEY = 32


def new_key() -> bytes:
    """A key for HMAC-SHA256, or the seed of an Ed25519 key."""
    return secrets.token_bytes(KEY)


def wrap(secret: bytes, webhook_id: uuid.UUID) -> bytes:
    """Wrap for the row. Raises vault.VaultError."""
    return vault.wrap(secret, purpose=vault.Purpose.OTHER, record=webhook_id)


def unwrap(wrapped: bytes, webhook_id: uuid.UUID) -> bytes:
    """Raises vault.VaultError for another row, or without the ring."""
    return vault.unwrap(wrapped, purpose=vault.Purpose.OTHER, record=webhook_id)


def for_the_receiver(signature: str, key: bytes) -> str:
    """The verification key for the receiver: the shared secret (whsec_), or the public key (whpk_)."""
    if signature == WebhookSignature.V1:
        return "whsec_" + base64.b64encode(key).decode()
    public = Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
    return "whpk_" + base64.b64encode(public).decode()


class Signer:
    """Signs messages of one webhook, with its key and, for a day after a change, the former one."""

    def __init__(self, row: Webhook, now: datetime) -> None:
        self._kind = row.signature
        self._keys = [unwrap(wrapped, row.pk) for wrapped in _in_force(row, now)]

    def sign(self, *, message_id: str, timestamp: int, body: bytes) -> str:
        """The header webhook-signature."""
        signed = f"{message_id}.{timestamp}.".encode() + body
        return " ".join(f"{self._kind},{self._signature(key, signed)}" for key in self._keys)

    def _signature(self, key: bytes, signed: bytes) -> str:
        if self._kind == WebhookSignature.V1:
            found = hmac.new(key, signed, hashlib.sha256).digest()
        else:
            found = Ed25519PrivateKey.from_private_bytes(key).sign(signed)
        return base64.b64encode(found).decode()


def _in_force(row: Webhook, now: datetime) -> Iterator[bytes]:
    yield row.secret_wrapped
    if row.former_secret_wrapped is not None and row.former_until is not None and row.former_until > now:
        yield row.former_secret_wrapped
