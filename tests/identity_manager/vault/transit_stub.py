"""A key service in memory, which a test can have fail, and rings that refer to it."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from identity_manager.jobs import key_rotation
from identity_manager.vault.wrapping import Purpose
from tests.tools.http_server import Handler, serving

TOKEN = "s.token-of-this-process"


@dataclass
class Service:
    """What OpenBao answers for transit: one key, three versions. fault: a status that it answers instead.

    closed: versions that it opens nothing with (min_decryption_version).
    """

    keys: dict[str, bytes] = field(
        default_factory=lambda: {str(each): bytes([each]) * 32 for each in (1, 2, 3)}
    )
    fault: int = 0
    closed: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def answer(self, path: str, body: dict[str, Any], token: str) -> tuple[int, dict[str, Any]]:
        self.asked.append((path, body))
        if self.fault or token != TOKEN:
            return self.fault or 403, {"errors": ["permission denied"]}
        bound = base64.b64decode(body["associated_data"])
        if "/encrypt/" in path:
            version = str(body["key_version"])
            sealed = AESGCM(self.keys[version]).encrypt(b"n" * 12, base64.b64decode(body["plaintext"]), bound)
            return 200, {"data": {"ciphertext": f"vault:v{version}:{base64.b64encode(sealed).decode()}"}}
        _vault, version, sealed_text = body["ciphertext"].split(":")
        if version[1:] in self.closed:
            return 400, {"errors": ["ciphertext or signature version is disallowed by policy (too old)"]}
        try:
            plain = AESGCM(self.keys[version[1:]]).decrypt(b"n" * 12, base64.b64decode(sealed_text), bound)
        except Exception:  # noqa: BLE001 as the service does
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}


@contextmanager
def running() -> Iterator[tuple[Service, str]]:
    """The service, and its address."""
    state = Service()
    with serving(_Handler, state=state) as port:
        yield state, f"http://127.0.0.1:{port}"


class _Handler(Handler):
    protocol_version = "HTTP/1.1"
    state: Service

    def do_POST(self) -> None:
        status, said = self.state.answer(self.path, json.loads(self.body()), self.headers["X-Vault-Token"])
        self.answer(status, said, Location="http://127.0.0.1:9/")


def moved_to(reference: str, purpose: Purpose = Purpose.OTHER) -> None:
    """Have the ring wrap with this key from now on."""
    key_rotation.rotate_to(actor=None, purpose=purpose, reference=reference, wait=timedelta(0))
