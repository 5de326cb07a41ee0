"""A key-encryption key in OpenBao or HashiCorp Vault (secrets engine transit, encrypt and decrypt).

The token of this process needs `update` on `encrypt/NAME` and `decrypt/NAME`, and nothing else: no right to
make, read, rotate or delete a key. Its file is read for each call, since an agent renews it.
"""

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from cryptography.exceptions import InvalidTag
from django.conf import settings

from ca_bridge import outgoing
from identity_manager.vault.key_encryption import KeyServiceDown, KeyVersionClosed

CONNECT_SECONDS, ANSWER_SECONDS = 2, 5
LONGEST_ANSWER = 16 * 1024
# Answers about a bad ciphertext; all others are transient faults, or faults of the service's set-up.
_NOT_OURS = ("message authentication failed", "invalid ciphertext", "could not be decrypted")
# Of a version below min_decryption_version or trimmed, and of a key that was deleted.
_CLOSED = ("(too old)", "encryption key not found")
# By process id: a connection of before a fork belongs to the parent.
_sessions: dict[int, requests.Session] = {}


@dataclass(frozen=True)
class KeyService:
    """Address and credentials of the service. token_file: read each time. ca_file: else TRUSTED_CA_FILE."""

    url: str = ""
    token_file: str = ""
    mount: str = "transit"
    ca_file: str = ""


@dataclass(frozen=True)
class TransitKey:
    """One version of a key, whose bytes never leave the service."""

    name: str
    version: int

    def wrap(self, data_key: bytes, bound: bytes) -> bytes:
        """Return the service's ciphertext, such as `vault:v1:...`. Raises KeyServiceDown."""
        given = {"plaintext": _base64(data_key), "key_version": self.version}
        text = self._ask("encrypt", {**given, "associated_data": _base64(bound)}, "ciphertext")
        if not text.startswith(f"vault:v{self.version}:"):
            raise KeyServiceDown(f"The key service wrapped under another version than {self.version}.")
        return text.encode("ascii")

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Raises InvalidTag, or KeyServiceDown, as KeyVersionClosed where it is this version alone."""
        if not wrapped.startswith(f"vault:v{self.version}:".encode("ascii")):
            raise InvalidTag
        given = {"ciphertext": wrapped.decode("ascii", errors="replace"), "associated_data": _base64(bound)}
        return base64.b64decode(self._ask("decrypt", given, "plaintext"))

    def _ask(self, action: str, given: dict[str, Any], wanted: str) -> str:
        """`from None` throughout: an error of the library may have the request in it, with the data key."""
        service: KeyService = settings.KEY_SERVICE
        url = f"{service.url}/v1/{service.mount}/{action}/{self.name}"
        try:
            answer = _session(service).post(
                url,
                json=given,
                headers={"X-Vault-Token": _token(service)},
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
            )
            said = answer.json() if len(answer.content) <= LONGEST_ANSWER else {}
        except (requests.RequestException, ValueError, OSError) as error:
            raise KeyServiceDown(f"The key service does not answer: {type(error).__name__}.") from None
        if answer.status_code == requests.codes.ok:
            try:
                return str(said["data"][wanted])
            except (KeyError, TypeError):
                raise KeyServiceDown("The key service answered without what was asked for.") from None
        if answer.status_code == requests.codes.bad_request:
            if _says(said, _NOT_OURS):
                raise InvalidTag
            if _says(said, _CLOSED):
                raise KeyVersionClosed(f"The key service does not open key {self.name}:{self.version}.")
        raise KeyServiceDown(f"The key service answers {answer.status_code} for {self.name}.")


def _says(said: Any, one_of: tuple[str, ...]) -> bool:
    errors = said.get("errors") if isinstance(said, dict) else None
    return any(words in str(error) for error in errors or () for words in one_of)


def _session(service: KeyService) -> requests.Session:
    session = _sessions.get(os.getpid())
    if session is None:
        session = _sessions[os.getpid()] = outgoing.session(service.ca_file)
    return session


def _token(service: KeyService) -> str:
    return Path(service.token_file).read_text(encoding="utf-8").strip()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
