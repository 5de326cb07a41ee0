"""Drafts of certificates: a new key, wrapped by the vault, and an order that has passed the lint.

Made outside any transaction, because key generation and lints take their time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.contract import KeyAlgorithm
from ca_bridge.errors import CaError
from ca_bridge.keys import keys
from ca_bridge.keys import pool as key_pool
from identity_manager.models import Certificate
from identity_manager.vault import wrapping as vault
from identity_manager.workflow import snapshot

Made = TypeVar("Made")


@dataclass(frozen=True)
class DraftCertificate:
    """A private key, plain and wrapped, with the draft of its order, or the error of drafting it.

    wanted: inputs of the draft, compared with the locked row when the order is journalled.
    """

    key: keys.PrivateKey
    wrapped: bytes
    wanted: tuple[str, dict[str, Any], int]
    order: issuing.DraftOrder | CaError


def draft(certificate: Certificate) -> DraftCertificate:
    """Draft a key and an order for a certificate without one."""
    key = key_pool.pool.take(KeyAlgorithm(certificate.token.required_type.key_algorithm))
    wrapped = vault.wrap(
        keys.to_pkcs8(key),
        purpose=vault.Purpose.PRIVATE_KEYS,
        record=certificate.pk,
        owner=certificate.token.person_id,
    )
    return DraftCertificate(
        key, wrapped, wanted(certificate), outcome(partial(_draft_order, certificate, key))
    )


def wanted(certificate: Certificate) -> tuple[str, dict[str, Any], int]:
    """The inputs of an order: idempotency key, approved line of the snapshot, validity in days."""
    key = certificate.order_key(certificate.orders_made + 1)
    return key, line(certificate), certificate.token.snapshot["validity_days"]


def line(certificate: Certificate) -> dict[str, Any]:
    """The line of the approved snapshot for this certificate."""
    approved: dict[str, Any] = certificate.token.snapshot["certificates"][certificate.position]
    return approved


def _draft_order(certificate: Certificate, key: keys.PrivateKey) -> issuing.DraftOrder:
    """Draft the order, linted. Raises CaError."""
    idempotency_key, approved, days = wanted(certificate)
    now = timezone.now()
    return issuing.draft(
        ca=approved["ca"],
        idempotency_key=idempotency_key,
        content=snapshot.content_of(certificate),
        ca_profile=approved["ca_profile"],
        key=key,
        validity=issuing.Validity(now, now + timedelta(days=days)),
    )


def outcome(call: Callable[[], Made]) -> Made | CaError:
    """Call the bridge; return its result, or the CaError that it raised."""
    try:
        return call()
    except CaError as error:
        return error
