"""Sample check that the held keys unwrap stored secrets."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from identity_manager.models import Certificate, SoftwareToken
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KeyServiceDown

AT_EACH_END = 20  # the newest and the oldest: the latter were wrapped under the oldest keys

PURPOSES = (vault.Purpose.PASSPHRASES, vault.Purpose.PRIVATE_KEYS)


@dataclass(frozen=True)
class Sample:
    """Per kind of secret: number unwrapped, and the first error."""

    kind: str
    opened: int
    error: str = ""


def samples() -> Iterator[Sample]:
    """Samples for each ring that this process holds. Raises DatabaseError."""
    passphrases = SoftwareToken.objects.exclude(passphrase_wrapped=None)
    if vault.holds(vault.Purpose.PASSPHRASES):
        rows = _ends(passphrases.order_by("pk").values_list("pk", "person", "passphrase_wrapped"))
        yield _opened("passphrases", rows, vault.Purpose.PASSPHRASES)
    keys = Certificate.objects.exclude(private_key_wrapped=None)
    if vault.holds(vault.Purpose.PRIVATE_KEYS):
        rows = _ends(keys.order_by("pk").values_list("pk", "token__person", "private_key_wrapped"))
        yield _opened("private keys", rows, vault.Purpose.PRIVATE_KEYS)


# By record: the person that it is bound to, and the ciphertext.
Wrapped = dict[uuid.UUID, tuple[uuid.UUID, bytes]]


def _ends(rows: QuerySet[Any, tuple[uuid.UUID, uuid.UUID, bytes | None]]) -> Wrapped:
    found = [*rows[:AT_EACH_END], *rows.reverse()[:AT_EACH_END]]
    return {pk: (owner, wrapped) for pk, owner, wrapped in found if wrapped is not None}


def _opened(kind: str, rows: Wrapped, purpose: vault.Purpose) -> Sample:
    for number, (pk, (owner, wrapped)) in enumerate(rows.items()):
        try:
            vault.unwrap(wrapped, purpose=purpose, record=pk, owner=owner, or_unbound=True)
        except (vault.VaultError, KeyServiceDown) as error:
            return Sample(kind, number, str(error))
    return Sample(kind, len(rows))
