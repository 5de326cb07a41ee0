"""Learns the secrets that the product makes while a test watches."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from ca_bridge.keys import pool as key_pool
from ca_bridge.keys.keys import PrivateKey
from ca_bridge.pkcs12 import passphrase
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.people import sign_in_codes
from tests.sinks.search import Search, Secret


@dataclass
class Caught:
    """What was made: in plain, and as it was wrapped for the database."""

    passphrases: list[str] = field(default_factory=list)
    keys: list[PrivateKey] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    wrapped: list[bytes] = field(default_factory=list)

    def secrets(self) -> list[Secret]:
        """Every secret by a name of its own."""
        return [
            *(Secret.passphrase(text, name=f"passphrase {n}") for n, text in enumerate(self.passphrases)),
            *(Secret.key(key, name=f"private key {n}") for n, key in enumerate(self.keys)),
            *(Secret.passphrase(text, name=f"sign-in code {n}") for n, text in enumerate(self.codes)),
        ]

    def search(self) -> Search:
        return Search(self.secrets())

    def search_wrapped(self) -> Search:
        """For the wrapped forms: with the keys of today in hand, each is as good as the secret."""
        return Search(Secret.content(each, name=f"wrapped {n}") for n, each in enumerate(self.wrapped))


def _watched(function: Callable[..., Any], into: list[Any]) -> Callable[..., Any]:
    def watched(*arguments: Any, **options: Any) -> Any:
        made = function(*arguments, **options)
        into.append(made)
        return made

    return watched


@contextmanager
def caught_secrets() -> Iterator[Caught]:
    """Watch the makers of keys, passphrases and sign-in codes, and the vault."""
    caught = Caught()
    makers = (
        (key_pool.pool, "take", caught.keys),
        (passphrase, "generate", caught.passphrases),
        (sign_in_codes, "generate", caught.codes),
        (vault, "wrap", caught.wrapped),
    )
    with ExitStack() as stack:
        for module, name, into in makers:
            watched = _watched(getattr(module, name), into)
            stack.enter_context(mock.patch.object(module, name, watched))
        yield caught
