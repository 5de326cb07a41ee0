"""The bare loop: the cryptography and the mandatory checks of one token, and nothing else.

No database, no broker, no transaction, no audit log, no mail: a key, its request, the draft and its lints,
the CA's signature, the comparison of what came back with what was ordered (lints, chain, signature), both
containers, and the second reader that opens them again. It calls the functions that the road calls, so that
whatever makes them quicker makes both quicker.

road_run.py starts `answer` once for each process of the road; all of them draw from one turn.
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded import signing
from ca_bridge.contract import CertificateContent, CertificateOrder, Issued, KeyAlgorithm
from ca_bridge.keys import keys
from ca_bridge.pkcs12 import passphrase
from ca_bridge.pkcs12 import writer as pkcs12
from ca_bridge.x509 import certificates, csr, lint, profiles, verification
from identity_manager.config.runtime import garbage_collection
from tests.performance.part import say
from tests.performance.recorded import Replay, turn_of

READY = "ready"


def answer(contents: str) -> None:
    """Read lines `ALGORITHM END`, make tokens until the turn has come to END, and write the processor time.

    contents: the file with what the certificates of the road say.
    """
    lint.load()
    garbage_collection.freeze_loaded_objects()  # as in a worker
    loop = Loop(json.loads(Path(contents).read_text(encoding="utf-8")))
    say(READY)
    for line in sys.stdin:
        algorithm, end = line.split()
        began = time.process_time()
        number = loop.until(algorithm, int(end))
        say(json.dumps({"number": number, "cpu": time.process_time() - began}))


class Loop:
    """contents: for each algorithm what the certificates of the road say, as their snapshots have it."""

    def __init__(self, contents: dict[str, list[dict[str, Any]]]) -> None:
        self._contents = contents
        self._directory = Path(settings.VAR_DIR)
        self._connector: Any = registry.connector("corporate")
        self._replay = Replay(self._directory)
        self._trusted = self._connector.chain()

    def until(self, algorithm: str, end: int) -> int:
        """Make tokens until the turn is at the end; returns how many."""
        kind = KeyAlgorithm(algorithm)
        turn, lines, made = turn_of(self._directory, kind), self._contents[algorithm], 0
        while (number := turn.draw(below=end)) is not None:
            self.token(self._replay.key(kind, number), lines[number % len(lines)], number)
            made += 1
        return made

    def token(self, key: Any, line: dict[str, Any], number: int) -> None:
        """One token of one certificate, from its key to its two containers, opened again."""
        content = CertificateContent.from_json(line["content"])
        profiles.check_content(content)
        profiles.check_key_usage(content.key_usage, keys.algorithm_of(key))
        order = self._order(content, key, line, number)
        draft = self._connector.draft(order)
        lint.check_draft(draft)
        issuing = self._connector._authority.issuing
        signed = signing.sign(self._connector._authority, order, issuing)
        certificate = signed.public_bytes(serialization.Encoding.DER)
        chain = (self._trusted[0],)
        issued = Issued(certificate, chain)
        if found := verification.faults(order, issued, self._trusted, draft=draft):
            raise RuntimeError(f"The bare loop made a bad certificate: {found}")
        facts = certificates.describe(certificate)
        secret = passphrase.generate()
        for container_format in pkcs12.ContainerFormat:
            data = pkcs12.build(
                key=key,
                certificate=certificate,
                chain=chain,
                friendly_name=f"{line['name']} {facts.serial_hex[-8:]}",
                passphrase=secret,
                format=container_format,
            )
            pkcs12.check(
                data, passphrase=secret, certificate=certificate, key_sha256=keys.public_key_sha256(key)
            )

    def _order(self, content: Any, key: Any, line: dict[str, Any], number: int) -> Any:
        now = timezone.now().replace(microsecond=0)
        validity = timedelta(days=line["validity_days"])
        profiles.check_validity(content.policies, validity)
        return CertificateOrder(
            idempotency_key=f"bare-{number}",
            csr=csr.build(content, key),
            content=content,
            ca_profile="",
            not_before=now,
            not_after=now + validity,
        )
