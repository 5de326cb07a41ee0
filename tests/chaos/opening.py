"""Opens the messages that the mail server took, as their owners do; many of them in several processes.

Each container stretches its passphrase: opened one after the other, thousands take as long as their road.
Nothing of Django is imported here, so that such a process is there at once and has no connections.
"""

import email
import multiprocessing
import os
import uuid
from concurrent.futures import ProcessPoolExecutor
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from ca_bridge.x509.certificates import describe
from tests.chaos.facts import Received

FEW = 20  # are opened here, and so many are given to a process at a time


def identifier(path: Path) -> str:
    """Of which mail of the outbox it is a message."""
    with path.open("rb") as stream:
        message = BytesHeaderParser(policy=policy.default).parse(stream)
    local = str(message["Message-ID"]).strip(" <>").partition("@")[0]
    try:
        return str(uuid.UUID(local.partition(".")[0]))
    except ValueError:
        return local


def open_all(messages: list[tuple[Path, str]]) -> list[Received]:
    """Each message with the passphrase that the portal showed for its token, or "" where it showed none."""
    if len(messages) <= FEW:
        return [opened(each) for each in messages]
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=fresh) as pool:
        return list(pool.map(opened, messages, chunksize=FEW))


def opened(pair: tuple[Path, str]) -> Received:
    """One of them, with the serials of what its containers hold, or why they do not open."""
    path, passphrase = pair
    message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    serials: list[str] = []
    received = Received(identifier(path), serials)
    for part in message.walk():
        if part.get_content_type() != "application/x-pkcs12":
            continue
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        try:
            key, certificate, _issuers = load_key_and_certificates(content, passphrase.encode())
        except ValueError as error:
            received.trouble = f"{part.get_filename()} does not open: {error}"
            break
        if key is None or certificate is None or key.public_key() != certificate.public_key():
            received.trouble = f"{part.get_filename()}: the key is another one"
            break
        serials.append(describe(certificate.public_bytes(Encoding.DER)).serial_hex)
    return received
