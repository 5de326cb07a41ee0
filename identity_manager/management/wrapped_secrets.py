"""Sample check that the held keys unwrap stored secrets."""

from collections.abc import Iterator
from dataclasses import dataclass

from identity_manager.jobs import secret_stores
from identity_manager.jobs.secret_stores import WrappedColumn
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KeyServiceDown

AT_EACH_END = 20
TOKENS_ANEW = "those tokens must be asked for anew"


@dataclass(frozen=True)
class SecretKind:
    """A kind of wrapped secret and its store. lost: what follows where nothing opens it any more."""

    name: str
    store: WrappedColumn
    lost: str


KINDS = (
    SecretKind("passphrases", secret_stores.PASSPHRASES, TOKENS_ANEW),
    SecretKind("private keys", secret_stores.KEYS_OF_CERTIFICATES, TOKENS_ANEW),
    SecretKind("archived keys", secret_stores.ARCHIVED_KEYS, "those keys are not recovered any more"),
    SecretKind(
        "seals of recovery certificates",
        secret_stores.SEALS_OF_RECOVERY_CERTIFICATES,
        "keys that are archived for them are not recovered until two officers confirm them anew",
    ),
)


@dataclass(frozen=True)
class Sample:
    """Per kind of secret: number unwrapped, and the first error."""

    kind: SecretKind
    opened: int
    error: str = ""


def held_kinds() -> list[SecretKind]:
    """The kinds whose ring this process holds."""
    return [kind for kind in KINDS if vault.holds(kind.store.purpose)]


def samples() -> Iterator[Sample]:
    """A sample of each of them. Raises DatabaseError."""
    return map(_opened, held_kinds())


def _opened(kind: SecretKind) -> Sample:
    found = kind.store.oldest_and_newest(AT_EACH_END)
    for number, each in enumerate(found):
        try:
            vault.unwrap(
                each.content,
                purpose=kind.store.purpose,
                record=each.record,
                owner=each.owner,
                or_unbound=each.or_unbound,
            )
        except (vault.VaultError, KeyServiceDown) as error:
            return Sample(kind, number, str(error))
    return Sample(kind, len(found))
