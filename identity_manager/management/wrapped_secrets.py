"""Sample check that the held keys unwrap stored secrets."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet, UUIDField, Value

from identity_manager.models import ArchivedKey, Certificate, RecoveryCertificate, SoftwareToken
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KeyServiceDown

AT_EACH_END = 20  # the newest and the oldest: the latter were wrapped under the oldest keys

TOKENS_ANEW = "those tokens must be asked for anew"


@dataclass(frozen=True)
class SecretKind:
    """A kind of wrapped secret.

    rows: record, person that it is bound to, ciphertext. lost: what follows where nothing opens it any more.
    """

    name: str
    purpose: vault.Purpose
    rows: Callable[[], QuerySet[Any, tuple[uuid.UUID, Any, bytes | None]]]
    lost: str


KINDS = (
    SecretKind(
        "passphrases",
        vault.Purpose.PASSPHRASES,
        lambda: SoftwareToken.objects.values_list("pk", "person", "passphrase_wrapped").exclude(
            passphrase_wrapped=None
        ),
        TOKENS_ANEW,
    ),
    SecretKind(
        "private keys",
        vault.Purpose.PRIVATE_KEYS,
        lambda: Certificate.objects.values_list("pk", "token__person", "private_key_wrapped").exclude(
            private_key_wrapped=None
        ),
        TOKENS_ANEW,
    ),
    SecretKind(
        "archived keys",
        vault.Purpose.ARCHIVE,
        lambda: ArchivedKey.objects.values_list("pk", "owner", "envelope_wrapped"),
        "those keys are not recovered any more",
    ),
    SecretKind(
        "seals of recovery certificates",
        vault.Purpose.OTHER,
        lambda: RecoveryCertificate.objects.values_list(
            "pk", Value(None, output_field=UUIDField()), "seal"
        ).exclude(seal=None),
        "keys that are archived for them are not recovered any more",
    ),
)


@dataclass(frozen=True)
class Sample:
    """Per kind of secret: number unwrapped, and the first error."""

    kind: SecretKind
    opened: int
    error: str = ""


def samples() -> Iterator[Sample]:
    """Samples of each kind whose ring this process holds. Raises DatabaseError."""
    return (_opened(kind, _ends(kind.rows().order_by("pk"))) for kind in KINDS if vault.holds(kind.purpose))


# By record: the person that it is bound to, and the ciphertext.
Wrapped = dict[uuid.UUID, tuple[uuid.UUID | None, bytes]]


def _ends(rows: QuerySet[Any, tuple[uuid.UUID, Any, bytes | None]]) -> Wrapped:
    found = [*rows[:AT_EACH_END], *rows.reverse()[:AT_EACH_END]]
    return {pk: (owner, wrapped) for pk, owner, wrapped in found if wrapped is not None}


def _opened(kind: SecretKind, rows: Wrapped) -> Sample:
    for number, (pk, (owner, wrapped)) in enumerate(rows.items()):
        try:
            vault.unwrap(wrapped, purpose=kind.purpose, record=pk, owner=owner, or_unbound=True)
        except (vault.VaultError, KeyServiceDown) as error:
            return Sample(kind, number, str(error))
    return Sample(kind, len(rows))
