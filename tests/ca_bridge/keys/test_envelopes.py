"""Envelopes of archived keys: sealed and opened here and by the openssl program, changed, mixed up."""

import subprocess
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import envelopes, keys
from ca_bridge.keys.envelopes import Recipient, RecoveryKey
from tests.tools.x509 import issued, key_id, named

CONTENT = b"line\nline\r\n\x00\xff" * 50


@cache
def private_key(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 3072)


def certificate(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, *, with_identifier: bool = True
) -> bytes:
    since, name, public = datetime(2026, 1, 1, tzinfo=UTC), named("Recovery"), key.public_key()
    until, said = since + timedelta(days=3650), [key_id(public)] if with_identifier else []
    made = issued(name, public, (name, key), since=since, until=until, extensions=said)
    return made.public_bytes(serialization.Encoding.DER)


def recipient(number: int, transport: str = "oaep-sha256") -> Recipient:
    return Recipient(certificate(private_key(number)), transport)


def recovery_key(number: int, identifier_of: int | None = None) -> RecoveryKey:
    named = private_key(number if identifier_of is None else identifier_of)
    digest = x509.SubjectKeyIdentifier.from_public_key(named.public_key()).digest
    return RecoveryKey(private_key(number), digest)


def refusal(call: object, *given: object, **more: object) -> str:
    with pytest.raises(KeyArchiveError) as caught:
        call(*given, **more)  # type: ignore[operator]  # any function of the module
    assert caught.value.__cause__ is None
    assert caught.value.message
    return caught.value.code


@pytest.mark.parametrize("transport", envelopes.TRANSPORTS)
def test_each_recipient_opens_it_alone(transport: str) -> None:
    envelope = envelopes.seal(CONTENT, [recipient(0), recipient(1, transport)])
    assert CONTENT[:20] not in envelope
    for number in (0, 1):
        assert envelopes.unseal(envelope, recovery_key(number)) == CONTENT
    assert envelopes.recipients_of(envelope) == {recovery_key(0).key_id, recovery_key(1).key_id}


def test_for_others_or_with_another_key() -> None:
    envelope = envelopes.seal(CONTENT, [recipient(0)])
    assert refusal(envelopes.unseal, envelope, recovery_key(1)) == "envelope-for-others"
    forged = recovery_key(1, identifier_of=0)
    assert refusal(envelopes.unseal, envelope, forged) == "recovery-key-wrong"


def test_no_wrong_key_ever_opens_garbage() -> None:
    """As PKCS#1 v1.5 with CBC did in 5 of 1,000."""
    forged = recovery_key(1, identifier_of=0)
    for _each in range(100):
        envelope = envelopes.seal(CONTENT, [recipient(0)])
        assert refusal(envelopes.unseal, envelope, forged) == "recovery-key-wrong"


def test_no_bit_flip_gives_another_content() -> None:
    envelope = envelopes.seal(CONTENT, [recipient(0)])
    harmless = 0
    for position in range(len(envelope)):
        changed = bytearray(envelope)
        changed[position] ^= 1 << (position % 8)
        try:
            harmless += envelopes.unseal(bytes(changed), recovery_key(0)) == CONTENT
        except KeyArchiveError:
            continue
    assert harmless < 40  # such as the type that the content is said to be, which nobody authenticates


@pytest.mark.parametrize("garbage", [b"", b"\x30\x03\x02\x01\x05", b"-----BEGIN CMS-----", b"\x30" * 300_000])
def test_what_is_no_envelope(garbage: bytes) -> None:
    assert refusal(envelopes.unseal, garbage, recovery_key(0)) == "envelope-damaged"
    assert refusal(envelopes.recipients_of, garbage) == "envelope-damaged"


def test_what_can_be_no_recipient() -> None:
    assert refusal(envelopes.seal, CONTENT, []) == "envelope-without-recipient"
    curve = Recipient(certificate(ec.generate_private_key(ec.SECP256R1())))
    assert refusal(envelopes.seal, CONTENT, [curve]) == "recovery-key-not-rsa"
    nameless = Recipient(certificate(private_key(0), with_identifier=False))
    assert refusal(envelopes.seal, CONTENT, [nameless]) == "recovery-certificate-without-identifier"


def test_readdressed_to_another_key_the_old_one_opens_it_no_more() -> None:
    envelope = envelopes.seal(CONTENT, [recipient(0)])
    moved = envelopes.readdress(envelope, recovery_key(0), [recipient(1)])
    assert envelopes.unseal(moved, recovery_key(1)) == CONTENT
    assert refusal(envelopes.unseal, moved, recovery_key(0)) == "envelope-for-others"
    assert refusal(envelopes.readdress, moved, recovery_key(0), [recipient(0)]) == "envelope-for-others"


def test_a_renewed_certificate_of_the_same_key_opens_it(tmp_path: Path) -> None:
    envelope = envelopes.seal(CONTENT, [recipient(0)])
    assert by_openssl(tmp_path, envelope, number=0, chosen=certificate(private_key(0))) == CONTENT


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.RSA_2048, KeyAlgorithm.EC_P384])
def test_the_key_must_belong_to_its_certificate(algorithm: KeyAlgorithm) -> None:
    key, other = keys.generate(algorithm), keys.generate(algorithm)
    envelope = envelopes.seal(keys.to_pkcs8(key), [recipient(0)])
    named = keys.public_key_sha256(key).hex()
    opened = envelopes.unseal_key(envelope, recovery_key(0), public_key_sha256=named)
    assert keys.to_pkcs8(opened) == keys.to_pkcs8(key)
    for content in (keys.to_pkcs8(other), b"no key"):
        exchanged = envelopes.seal(content, [recipient(0)])
        code = refusal(envelopes.unseal_key, exchanged, recovery_key(0), public_key_sha256=named)
        assert code == "key-of-another-certificate"


def by_openssl(directory: Path, envelope: bytes, *, number: int, chosen: bytes | None = None) -> bytes | None:
    """What the openssl program opens with the recovery key and certificate alone; None where it refuses."""
    (directory / "envelope.der").write_bytes(envelope)
    write_pair(directory, number, chosen)
    command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", "envelope.der", "-binary"]
    command += ["-recip", "recovery.pem", "-inkey", "recovery.key", "-out", "opened"]
    done = subprocess.run(command, cwd=directory, capture_output=True, check=False)
    return (directory / "opened").read_bytes() if done.returncode == 0 else None


def write_pair(directory: Path, number: int, chosen: bytes | None = None) -> None:
    loaded = x509.load_der_x509_certificate(chosen or certificate(private_key(number)))
    (directory / "recovery.pem").write_bytes(loaded.public_bytes(serialization.Encoding.PEM))
    plain = private_key(number).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "recovery.key").write_bytes(plain)


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("transport", envelopes.TRANSPORTS)
def test_openssl_opens_ours(tmp_path: Path, transport: str) -> None:
    envelope = envelopes.seal(CONTENT, [recipient(0, transport), recipient(1, transport)])
    assert by_openssl(tmp_path, envelope, number=0) == CONTENT
    assert by_openssl(tmp_path, envelope, number=1) == CONTENT
    assert by_openssl(tmp_path, envelope, number=2) is None
    moved = envelopes.readdress(envelope, recovery_key(0), [recipient(2, transport)])
    assert by_openssl(tmp_path, moved, number=2) == CONTENT


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("digest", ["sha256", "sha1"])
def test_ours_opens_what_openssl_seals(tmp_path: Path, digest: str) -> None:
    write_pair(tmp_path, 0)
    (tmp_path / "content").write_bytes(CONTENT)
    command = ["openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-in", "content", "-outform", "DER"]
    command += ["-out", "envelope", "-keyid", "-recip", "recovery.pem"]
    command += ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", f"rsa_oaep_md:{digest}"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert envelopes.unseal((tmp_path / "envelope").read_bytes(), recovery_key(0)) == CONTENT


@pytest.mark.needs_program("openssl")
def test_pkcs1_is_not_opened(tmp_path: Path) -> None:
    write_pair(tmp_path, 0)
    (tmp_path / "content").write_bytes(CONTENT)
    command = ["openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-in", "content", "-outform", "DER"]
    subprocess.run([*command, "-out", "envelope", "-keyid", "recovery.pem"], cwd=tmp_path, check=True)
    code = refusal(envelopes.unseal, (tmp_path / "envelope").read_bytes(), recovery_key(0))
    assert code == "envelope-algorithm"
