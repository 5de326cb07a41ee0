"""Signed heads: Ed25519 signatures over the chain's last link and number."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from identity_manager import audit_proof
from identity_manager.audit import keys
from identity_manager.models import AuditChain, AuditHead, HeadKind


def sign() -> AuditHead | None:
    """Sign a head if the chain has grown and the last head is old enough. Raises keys.NoKey.

    A head of the future does not count: the clock was ahead that dated it.
    """
    now = timezone.now()
    end = AuditChain.objects.filter(pk=1).first()
    last = AuditHead.objects.newest()
    if end is None or end.number <= (last.number if last else 0):
        return None
    if last and now - timedelta(minutes=settings.AUDIT_HEAD_MINUTES) < last.signed_at <= now:
        return None
    return make(end.number, end.chain, kind=HeadKind.HEAD)


def make(number: int, chain: str, *, kind: HeadKind) -> AuditHead:
    """Sign and store a head, at most one per number and kind. Raises keys.NoKey."""
    version, private_key = keys.signing_key()
    head = AuditHead(
        kind=kind,
        installation=settings.CONSOLE_BASE_URL,
        number=number,
        chain=chain,
        signed_at=timezone.now(),
        key=version,
        public_key=audit_proof.public_key_of(private_key),
    )
    head.signature = audit_proof.sign(private_key, head.statement)
    values = {field.attname: getattr(head, field.attname) for field in AuditHead._meta.concrete_fields}
    row, _ = AuditHead.objects.get_or_create(kind=values.pop("kind"), number=number, defaults=values)
    return row


def was_sealed_before(number: int, moment: datetime) -> bool:
    """Whether a head that was signed before the moment covers the number."""
    head = over(number)
    return head is not None and head.signed_at < moment and is_signed(head)


def over(number: int) -> AuditHead | None:
    """The first head at or after the number, without those of the future, which a wrong clock has dated."""
    return AuditHead.objects.beyond(number - 1).filter(signed_at__lte=timezone.now()).first()


def is_signed(head: AuditHead) -> bool:
    """Whether the signature is of a key that this process holds."""
    return any(audit_proof.is_signed(head.statement, head.signature, key) for key in keys.public_keys())


def lines_of(heads: Iterable[AuditHead]) -> list[str]:
    """Heads in export format: JSON, one per line."""
    return [json.dumps(head.as_json, sort_keys=True) for head in heads]
