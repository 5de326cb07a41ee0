"""Signed and encrypted mail between the programs that people have: every direction, with delivered tokens."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from identity_manager.models.catalogue.token_type import KEY_ALGORITHMS
from tests.interop.conftest import Deliver
from tests.interop.matrix import YES, Matrix
from tests.interop.smime_programs import PROGRAMS, Program
from tests.interop.tls_certificates import Authority
from tests.interop.tokens import DeliveredToken, TokenFile
from tests.tools.commands import NotOpenedError

pytestmark = [
    pytest.mark.needs_program(*dict.fromkeys(name for each in PROGRAMS.values() for name in each.NEEDS)),
    pytest.mark.xdist_group("smime"),
    pytest.mark.long,
]
CONTENT = "Guten Tag Zoë,\r\nhier ist der Vertrag. Größe: 7 €\r\n".encode() + bytes(range(256))
ALGORITHMS = ("rsa-2048", "ec-p256", "ec-p384")
WORDS = dict(KEY_ALGORITHMS)
SIGNED, ENCRYPTED = "Signed mail", "Encrypted mail"
# How a person comes to both keys: by one token, or by two.
WAYS = {"combined": ("smime",), "two tokens": ("signature", "encryption")}
# NSS 3.110 names AES key wrap with a parameter NULL, where RFC 3565 2.3.2 wants none; the key is derived over
# that name too, and gpgsm 2.4.7 derives it over the right one. This direction works with RSA keys alone.
NOT_EACH_OTHER = ("NSS", "gpgsm", "ec")
Ways = pytest.mark.parametrize("way", ["combined", pytest.param("two tokens", marks=pytest.mark.nightly)])
Algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)


class Person:
    """Somebody with two keys, in each of the programs; and somebody else, who has none."""

    def __init__(self, tokens: list[DeliveredToken], homes: Callable[[], Path]) -> None:
        self.tokens = tokens
        self._homes = homes
        self._programs: dict[tuple[str, bool], Program] = {}
        files = [file for token in tokens for file in token.in_format("standard")]
        self.signing, self.encrypting = files[0], files[-1]

    def at(self, name: str) -> Program:
        """The person's own program."""
        return self._program(name, own=True)

    def correspondent_at(self, name: str) -> Program:
        """The program of somebody who knows the root, and the certificate for encryption."""
        return self._program(name, own=False)

    def _program(self, name: str, *, own: bool) -> Program:
        if (name, own) not in self._programs:
            program = PROGRAMS[name](self._homes(), self.tokens[0].root)
            self._programs[name, own] = program
            for file, passphrase in self._files() if own else ():
                program.own(file, passphrase)
            if not own:
                program.know(self.encrypting.certificate, self.tokens[0].issuer)
        return self._programs[name, own]

    def _files(self) -> list[tuple[TokenFile, str]]:
        return [(file, token.passphrase) for token in self.tokens for file in token.in_format("standard")]

    def end(self) -> None:
        for program in self._programs.values():
            program.end()


@pytest.fixture(scope="module")
def homes() -> Iterator[Callable[[], Path]]:
    """A new home each time; the sockets of gpg's agent need a short path."""
    with ExitStack() as stack:
        yield lambda: Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smime-")))


@pytest.fixture(scope="module")
def person(deliver: Deliver, homes: Callable[[], Path]) -> Iterator[Callable[[str, str], Person]]:
    known: dict[tuple[str, str], Person] = {}

    def get(way: str, algorithm: str) -> Person:
        if (way, algorithm) not in known:
            tokens = [deliver(kind, algorithm) for kind in WAYS[way]]
            known[way, algorithm] = Person(tokens, homes)
        return known[way, algorithm]

    yield get
    for each in known.values():
        each.end()


PersonOf = Callable[[str, str], Person]


@Ways
@Algorithms
@pytest.mark.parametrize("verifier", PROGRAMS)
@pytest.mark.parametrize("signer", PROGRAMS)
def test_signed(
    person: PersonOf, matrix: Matrix, way: str, algorithm: str, signer: str, verifier: str
) -> None:
    """By a program that has never heard of the signer or the issuing CA, up to the root."""
    matrix.says(SIGNED, row=f"by {signer}, {WORDS[algorithm]}", column=verifier, word=YES)
    uma = person(way, algorithm)
    signed = uma.at(signer).sign(CONTENT, uma.signing.certificate)
    verified = uma.correspondent_at(verifier).verify(signed)
    assert verified.content == CONTENT
    assert "Uma Lindqvist" in verified.signer


@Ways
@Algorithms
@pytest.mark.parametrize("decryptor", PROGRAMS)
@pytest.mark.parametrize("encryptor", PROGRAMS)
def test_encrypted(
    person: PersonOf, matrix: Matrix, way: str, algorithm: str, encryptor: str, decryptor: str
) -> None:
    uma = person(way, algorithm)
    opens = (encryptor, decryptor, algorithm[:2]) != NOT_EACH_OTHER
    row = f"by {encryptor}, {WORDS[algorithm]}"
    matrix.says(ENCRYPTED, row=row, column=decryptor, word=YES if opens else "no")
    if not opens:
        does_not_decrypt(uma)
        return
    encrypted = uma.correspondent_at(encryptor).encrypt(CONTENT, uma.encrypting.certificate)
    assert CONTENT[:40] not in encrypted
    assert uma.at(decryptor).decrypt(encrypted, uma.encrypting.certificate) == CONTENT


def does_not_decrypt(uma: Person) -> None:
    """Not for want of the right key: the same message is opened by the other two programs."""
    encrypted = uma.correspondent_at("NSS").encrypt(CONTENT, uma.encrypting.certificate)
    with pytest.raises(NotOpenedError, match="Checksum error"):
        uma.at("gpgsm").decrypt(encrypted, uma.encrypting.certificate)
    for name in ("OpenSSL", "NSS"):
        assert uma.at(name).decrypt(encrypted, uma.encrypting.certificate) == CONTENT


@pytest.mark.parametrize("verifier", PROGRAMS)
def test_what_was_changed_on_the_way(person: PersonOf, verifier: str) -> None:
    uma = person("combined", "rsa-2048")
    signed = uma.at("OpenSSL").sign(CONTENT, uma.signing.certificate)
    changed = signed.replace("7 €".encode(), "9 €".encode())
    assert changed != signed
    with pytest.raises(NotOpenedError):
        uma.correspondent_at(verifier).verify(changed)


@pytest.mark.parametrize("verifier", PROGRAMS)
def test_who_does_not_trust_the_root(person: PersonOf, homes: Callable[[], Path], verifier: str) -> None:
    """So the chain is what makes the signature good in the tests above."""
    uma = person("combined", "rsa-2048")
    signed = uma.at("OpenSSL").sign(CONTENT, uma.signing.certificate)
    other = Authority.make("Another root").certificate.public_bytes(Encoding.DER)
    stranger = PROGRAMS[verifier](homes(), other)
    try:
        with pytest.raises(NotOpenedError):
            stranger.verify(signed)
    finally:
        stranger.end()
