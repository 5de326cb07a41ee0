"""Searches bytes for secrets in whatever form: passphrases as text, private keys as numbers and structures.

A secret is known by pieces of it, each long enough that chance does not make it and short enough that half
a secret is found too. Every standard form of a private key (PKCS#8, PKCS#1, SEC1, PEM, JWK, BLOB) holds one
of its numbers as bytes, so those are searched for. Keys that nobody knows of are found by their forms.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec

from ca_bridge.keys.keys import PrivateKey
from tests.sinks.readings import readings

Reading = tuple[str, bytes]
BATCH_BYTES = 4_000_000
PIECE_BYTES = 16  # of a number of a key: 128 bits

_small, _capital = b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_lower = bytes.maketrans(_capital, _small)
_not_letters = bytes(set(range(256)) - set(b"0123456789" + _small + _capital))

_VERSION = rb"\x02\x01[\x00\x01]"
_RSA_ENCRYPTION = rb"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04"
_EC_PUBLIC_KEY = rb"\x30.\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06[\x05-\x09]"
KEY_FORMS = {
    # RFC 7468 10 and its forerunners; "ENCRYPTED PRIVATE KEY" is no finding.
    "PEM private key": re.compile(rb"-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH) )?PRIVATE KEY-----"),
    # RFC 5958 2: the version, then the algorithm, for EC with a curve.
    "PKCS#8 RSA key": re.compile(_VERSION + _RSA_ENCRYPTION),
    "PKCS#8 EC key": re.compile(_VERSION + _EC_PUBLIC_KEY, re.DOTALL),
    # RFC 8017 A.1.2: version 0, modulus of 1024 bits or more, exponent 65537, private exponent.
    "PKCS#1 key": re.compile(
        rb"\x02\x01\x00\x02(?:\x82.|\x81).\x00.{64,2048}?\x02\x03\x01\x00\x01\x02(?:\x82|\x81)", re.DOTALL
    ),
    # RFC 5915 3: version 1, the number, then the curve or the public key.
    "SEC1 key": re.compile(rb"\x02\x01\x01\x04(?:\x20.{32}|\x30.{48}|\x42.{66})[\xa0\xa1]", re.DOTALL),
}


@dataclass(frozen=True)
class Finding:
    """What was found, where, and behind which encodings. Never the secret itself."""

    secret: str
    where: str
    reading: str

    def __str__(self) -> str:
        return f"{self.secret} in {self.where} ({self.reading})"


@dataclass(frozen=True)
class Secret:
    """A secret by its name and its pieces: words (letters and digits in lower case) and bytes."""

    name: str
    words: tuple[bytes, ...] = ()
    numbers: tuple[bytes, ...] = ()

    @classmethod
    def passphrase(cls, text: str, *, name: str = "passphrase") -> Self:
        """Each two neighbouring groups: 50 bits."""
        groups = [group.lower().encode("ascii") for group in text.split("-")]
        return cls(name, words=tuple(left + right for left, right in pairwise(groups)))

    @classmethod
    def key(cls, key: PrivateKey, *, name: str = "private key") -> Self:
        """Its secret numbers, as bytes of both orders and as decimal digits."""
        numbers = list(_secret_numbers(key))
        pieces = [number.to_bytes(length, "big")[:PIECE_BYTES] for number, length in numbers]
        return cls(
            name,
            words=tuple(str(number)[:40].encode() for number, _length in numbers),
            numbers=(*pieces, *(piece[::-1] for piece in pieces)),
        )

    @classmethod
    def content(cls, content: bytes, *, name: str) -> Self:
        """Bytes such as a wrapped secret, known by their beginning, middle and end."""
        middle = len(content) // 2
        pieces = (content[:PIECE_BYTES], content[middle : middle + PIECE_BYTES], content[-PIECE_BYTES:])
        return cls(name, numbers=pieces)


def _secret_numbers(key: PrivateKey) -> Iterator[tuple[int, int]]:
    """Each number that gives the key away, with its length in bytes."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        yield key.private_numbers().private_value, (key.key_size + 7) // 8
        return
    numbers = key.private_numbers()
    for number in (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp):
        yield number, (number.bit_length() + 7) // 8


class Search:
    """Looks for known secrets and for unencrypted keys of any owner."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        known = tuple(secrets)
        self._words = [(word, secret.name) for secret in known for word in secret.words]
        self._numbers = [(number, secret.name) for secret in known for number in secret.numbers]

    def findings(self, where: str, content: bytes) -> list[Finding]:
        """All secrets in the content, each in the first reading that showed it."""
        found: dict[str, Finding] = {}
        for batch in _batches(readings(content)):
            for name, reading in self._names_in(batch):
                found.setdefault(name, Finding(name, where, reading))
        return list(found.values())

    def all_findings(self, places: Iterable[tuple[str, bytes]]) -> list[Finding]:
        """All secrets in all places."""
        return [finding for where, content in places for finding in self.findings(where, content)]

    def _names_in(self, batch: list[Reading]) -> Iterator[tuple[str, str]]:
        """The names of the secrets, each with the reading that shows it."""
        letters = [(reading, data.translate(_lower, delete=_not_letters)) for reading, data in batch]
        yield from _showing(self._words, letters)
        yield from _showing(self._numbers, batch)
        for reading, data in batch:
            yield from ((name, reading) for name, form in KEY_FORMS.items() if form.search(data))


def _batches(all_readings: Iterable[Reading]) -> Iterator[list[Reading]]:
    """Many small readings at a time, or one large one."""
    batch: list[Reading] = []
    size = 0
    for reading in all_readings:
        batch.append(reading)
        size += len(reading[1])
        if size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _showing(pieces: Iterable[tuple[bytes, str]], batch: list[Reading]) -> Iterator[tuple[str, str]]:
    """To look through all readings as one is many times quicker than to look through each."""
    together = b"\n".join(data for _reading, data in batch)
    for piece, name in pieces:
        if piece in together:
            yield from ((name, reading) for reading, data in batch if piece in data)
