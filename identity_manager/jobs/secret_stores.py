"""Where the database stores wrapped secrets: rows are read, and replaced by secrets under another key.

Key rotation (key_rotation.py) moves them, and counts which keys they need.
"""

import base64
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from allauth.mfa.models import Authenticator
from django.db import models
from django.db.models import F, Value
from django.utils import timezone

from identity_manager.models import (
    Account,
    ArchivedKey,
    Certificate,
    Placement,
    RecoveryCanary,
    RecoveryCertificate,
    RecoveryDecision,
    ShareTransportKey,
    SoftwareToken,
    SubmittedShare,
    TokenImport,
    Webhook,
)
from identity_manager.transactions import locking
from identity_manager.vault.wrapping import Purpose

READ_AT_ONCE = 200


@dataclass(frozen=True)
class Wrapped:
    """A wrapped secret: its row, the record id and the owner that it is bound to, and the ciphertext."""

    pk: Any
    record: uuid.UUID
    content: bytes
    owner: uuid.UUID | None = None
    or_unbound: bool = False


class SecretStore(Protocol):
    """A place where wrapped secrets of one purpose are stored."""

    @property
    def purpose(self) -> Purpose: ...

    def secrets(self) -> Iterator[Wrapped]:
        """All secrets. Raises vault.VaultError where one is malformed."""

    def replace(self, old: Wrapped, new: bytes) -> bool:
        """Replace the old ciphertext (compare and swap); False where the row has changed."""


@dataclass(frozen=True)
class WrappedColumn:
    """A model column; the secret is bound to the row's id and, where a lookup names one, to its owner.

    or_unbound: up to release 1.0 they had no owner; rewrapping gives them the one that the row names.
    """

    model: type[models.Model]
    column: str
    purpose: Purpose
    owner: str = ""
    or_unbound: bool = False

    def secrets(self) -> Iterator[Wrapped]:
        return map(self._wrapped, self._rows().iterator(chunk_size=READ_AT_ONCE))

    def oldest_and_newest(self, number: int) -> list[Wrapped]:
        """Up to so many of either, each once; the oldest were wrapped under the oldest keys."""
        rows = self._rows()
        return [*dict.fromkeys(map(self._wrapped, [*rows[:number], *rows.reverse()[:number]]))]

    def _rows(self) -> models.QuerySet[Any, Any]:
        alive = self.model._default_manager.filter(**{f"{self.column}__isnull": False}).order_by("pk")
        owner = F(self.owner) if self.owner else Value(None, output_field=models.UUIDField())
        return alive.values_list("pk", self.column, owner)

    def _wrapped(self, row: tuple[uuid.UUID, bytes, uuid.UUID | None]) -> Wrapped:
        pk, content, owner = row
        return Wrapped(pk, pk, content, owner, self.or_unbound)

    def replace(self, old: Wrapped, new: bytes) -> bool:
        same = self.model._default_manager.filter(**{"pk": old.pk, self.column: old.content})
        return bool(same.update(**{self.column: new}))


class ArchivedEnvelopes(WrappedColumn):
    """The outer layer of archived keys; when they moved is kept for the sake of backups."""

    def replace(self, old: Wrapped, new: bytes) -> bool:
        same = ArchivedKey.objects.filter(pk=old.pk, envelope_wrapped=old.content)
        return bool(same.update(envelope_wrapped=new, moved_at=timezone.now()))


@dataclass(frozen=True)
class SecondFactors:
    """Secrets of authenticator apps and seeds of recovery codes, in allauth's rows."""

    purpose: Purpose = Purpose.OTHER

    def secrets(self) -> Iterator[Wrapped]:
        for row in Authenticator.objects.order_by("pk").iterator(chunk_size=READ_AT_ONCE):
            if text := row.data.get("secret") or row.data.get("seed"):
                yield self._read(row.pk, text)

    def replace(self, old: Wrapped, new: bytes) -> bool:
        locking.person(Account.objects.values_list("person_id", flat=True).get(pk=old.record))
        row = Authenticator.objects.filter(pk=old.pk).first()
        if row is None:
            return False
        name = "secret" if "secret" in row.data else "seed"
        if not row.data.get(name) or self._read(row.pk, row.data[name]) != old:
            return False
        row.data[name] = f"{old.record}:{base64.b64encode(new).decode('ascii')}"
        row.save(update_fields=["data"])
        return True

    @staticmethod
    def _read(pk: Any, text: str) -> Wrapped:
        record, _colon, content = text.partition(":")
        try:
            return Wrapped(pk, uuid.UUID(record), base64.b64decode(content, validate=True))
        except ValueError:  # malformed: version_of() will raise for empty content
            return Wrapped(pk, uuid.UUID(int=0), b"")


PASSPHRASES = WrappedColumn(
    SoftwareToken, "passphrase_wrapped", Purpose.PASSPHRASES, "person", or_unbound=True
)
KEYS_OF_CERTIFICATES = WrappedColumn(
    Certificate, "private_key_wrapped", Purpose.PRIVATE_KEYS, "token__person", or_unbound=True
)
ARCHIVED_KEYS = ArchivedEnvelopes(ArchivedKey, "envelope_wrapped", Purpose.ARCHIVE, "owner")
SEALS_OF_RECOVERY_CERTIFICATES = WrappedColumn(RecoveryCertificate, "seal", Purpose.OTHER)
# Complete: a test finds wrapped columns that are missing here.
SECRET_STORES: tuple[SecretStore, ...] = (
    KEYS_OF_CERTIFICATES,
    PASSPHRASES,
    WrappedColumn(Placement, "parcel_wrapped", Purpose.PRIVATE_KEYS, "certificate__token__person"),
    SecondFactors(),
    SEALS_OF_RECOVERY_CERTIFICATES,
    WrappedColumn(RecoveryDecision, "seal", Purpose.OTHER),
    WrappedColumn(TokenImport, "seal", Purpose.OTHER),
    WrappedColumn(Webhook, "address_wrapped", Purpose.OTHER),
    WrappedColumn(Webhook, "secret_wrapped", Purpose.OTHER),
    WrappedColumn(Webhook, "former_secret_wrapped", Purpose.OTHER),
    WrappedColumn(ShareTransportKey, "public_wrapped", Purpose.OTHER),
    WrappedColumn(SubmittedShare, "share_wrapped", Purpose.SHARE_TRANSPORT),
    ARCHIVED_KEYS,
    WrappedColumn(RecoveryCanary, "envelope_wrapped", Purpose.ARCHIVE),
)
