"""Containers: both formats, all key algorithms, opened by three readers that did not write them."""

import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import pkcs12 as asn1_pkcs12
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.serialization import pkcs12 as cryptography_pkcs12

from ca_bridge.contract import CertificateContent, CertificateOrder, KeyAlgorithm
from ca_bridge.issuing import Validity
from ca_bridge.keys import keys
from ca_bridge.keys.keys import PrivateKey
from ca_bridge.pkcs12 import kdf, passphrase
from ca_bridge.pkcs12 import reader as pkcs12_reader
from ca_bridge.pkcs12 import writer as pkcs12
from ca_bridge.pkcs12.kdf import Derivation
from ca_bridge.pkcs12.writer import ContainerError, ContainerFormat
from ca_bridge.x509 import csr
from tests.ca_bridge import scripted

pytestmark = [pytest.mark.usefixtures("containers_as_delivered"), pytest.mark.long]
FRIENDLY_NAME = "Jürgen Müller-Groß 山田 – Authentication 2026-11 3f2a"
STANDARD, COMPATIBLE = ContainerFormat.STANDARD, ContainerFormat.COMPATIBLE


@dataclass(frozen=True)
class Material:
    """A key, its certificate and the issuer."""

    key: PrivateKey
    certificate: bytes
    chain: tuple[bytes, ...]

    def build(self, container_format: ContainerFormat, secret: str, **changes: Any) -> bytes:
        wanted: dict[str, Any] = {
            "key": self.key,
            "certificate": self.certificate,
            "chain": self.chain,
            "friendly_name": FRIENDLY_NAME,
        }
        return pkcs12.build(**(wanted | changes), passphrase=secret, format=container_format)

    def check(self, container: bytes, secret: str) -> None:
        pkcs12.check(
            container,
            passphrase=secret,
            certificate=self.certificate,
            key_sha256=keys.public_key_sha256(self.key),
        )


def make(key: PrivateKey, content: CertificateContent, validity: Validity) -> Material:
    request = csr.build(replace(content, key_usage=("digitalSignature",)), key)
    order = CertificateOrder("1", request, content, "", validity.not_before, validity.not_after)
    return Material(key, scripted.sign(order), (scripted.issuing_ca().der,))


@pytest.fixture(params=KeyAlgorithm)
def material(request: pytest.FixtureRequest, content: Any, validity: Any, key_of: Any) -> Material:
    return make(key_of(request.param), content, validity)


@pytest.fixture
def quick(content: Any, validity: Any) -> Material:
    return make(keys.generate(KeyAlgorithm.EC_P256), content, validity)


@pytest.fixture
def secret() -> str:
    return passphrase.generate()


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("container_format", ContainerFormat)
def test_opened_by_three_readers(material, secret, container_format, tmp_path):
    container = material.build(container_format, secret)
    material.check(container, secret)
    _opened_by_cryptography(container, secret, material)
    _opened_by_openssl(container, secret, material, tmp_path)


def _opened_by_cryptography(container: bytes, secret: str, material: Material) -> None:
    found = cryptography_pkcs12.load_pkcs12(container, secret.encode())
    assert found.key is not None
    assert found.cert is not None
    assert found.key.public_key() == material.key.public_key()
    assert found.cert.certificate.public_bytes(Encoding.DER) == material.certificate
    assert found.cert.friendly_name == FRIENDLY_NAME.encode()
    assert [each.certificate.public_bytes(Encoding.DER) for each in found.additional_certs] == [
        *material.chain
    ]


def _opened_by_openssl(container: bytes, secret: str, material: Material, directory: Path) -> None:
    path = directory / "token.p12"
    path.write_bytes(container)
    # 3DES and SHA-1 are in OpenSSL's default provider: no -legacy, which many clients lack.
    command = ["openssl", "pkcs12", "-in", path, "-passin", "env:P12_PASSPHRASE", "-nodes"]
    environment = os.environ | {"P12_PASSPHRASE": secret}
    opened = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert opened.count(b"BEGIN PRIVATE KEY") == 1
    assert opened.count(b"BEGIN CERTIFICATE") == 2
    public = subprocess.run(
        ["openssl", "pkey", "-pubout", "-outform", "DER"], input=opened, capture_output=True, check=True
    ).stdout
    spki = material.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert public == spki


@pytest.mark.parametrize("rounds", [2_048, 10_000, 50_000])
def test_iterations_are_as_configured(settings, quick, secret, rounds):
    settings.CONTAINER_STANDARD_ITERATIONS = rounds
    assert pkcs12.iterations(quick.build(STANDARD, secret)) == (rounds, rounds)
    assert pkcs12.iterations(quick.build(COMPATIBLE, secret)) == (2_048, 2_048)


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize(
    ("container_format", "encryption", "mac"),
    [
        (STANDARD, b"PBES2, PBKDF2, AES-256-CBC", b"sha256"),
        (COMPATIBLE, b"pbeWithSHA1And3-KeyTripleDES", b"sha1"),
    ],
)
def test_algorithms_as_openssl_sees_them(quick, secret, tmp_path, container_format, encryption, mac):
    path, passfile = tmp_path / "token.p12", tmp_path / "passphrase"
    path.write_bytes(quick.build(container_format, secret))
    passfile.write_text(secret, encoding="ascii")
    command = ["openssl", "pkcs12", "-info", "-noout", "-in", path, "-passin", f"file:{passfile}"]
    said = subprocess.run(command, capture_output=True, check=True).stderr
    assert said.count(encryption) == 2  # key and certificates
    assert b"MAC: " + mac in said


def test_the_root_is_not_in_the_container(quick, secret):
    bags = pkcs12_reader.read(quick.build(STANDARD, secret), secret)
    assert [bag.kind for bag in bags if bag.kind == "key"] == ["key"]
    assert {bag.der for bag in bags if bag.kind == "cert"} == {quick.certificate, *quick.chain}


# --- what check() refuses


@pytest.mark.parametrize("container_format", ContainerFormat)
def test_another_passphrase(quick, secret, container_format):
    container = quick.build(container_format, secret)
    for wrong in (passphrase.generate(), secret.replace("-", ""), secret.lower(), ""):
        with pytest.raises(ContainerError, match="MAC does not verify"):
            quick.check(container, wrong)


@pytest.mark.parametrize("container_format", ContainerFormat)
def test_one_bit_that_fell_over(quick, secret, container_format):
    container = quick.build(container_format, secret)
    for place in range(0, len(container), 7):
        tampered = bytearray(container)
        tampered[place] ^= 1
        with _refused_or_the_same(quick, container, bytes(tampered), secret):
            quick.check(bytes(tampered), secret)


class _refused_or_the_same:  # noqa: N801 - reads as a statement
    """A flipped bit is refused, or lies where no content is (an optional NULL, a name for display)."""

    def __init__(self, material: Material, container: bytes, tampered: bytes, secret: str) -> None:
        self.material, self.container, self.tampered, self.secret = material, container, tampered, secret

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        if kind is None:
            assert pkcs12_reader.read(self.tampered, self.secret) == pkcs12_reader.read(
                self.container, self.secret
            )
            return False
        return issubclass(kind, ContainerError)


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"0\x80", b"0\x03\x02\x01\x05"])
def test_what_is_no_container(quick, secret, garbage):
    with pytest.raises(ContainerError, match="cannot be read"):
        quick.check(garbage, secret)
    with pytest.raises(ContainerError):
        pkcs12.iterations(garbage)


def test_another_certificate_than_expected(quick, secret, content, validity):
    other = make(keys.generate(KeyAlgorithm.EC_P256), content, validity)
    with pytest.raises(ContainerError, match="does not tie"):
        pkcs12.check(
            quick.build(STANDARD, secret),
            passphrase=secret,
            certificate=other.certificate,
            key_sha256=keys.public_key_sha256(quick.key),
        )


def test_another_key_than_expected(quick, secret):
    other = keys.public_key_sha256(keys.generate(KeyAlgorithm.EC_P256))
    with pytest.raises(ContainerError, match="is not the certificate's"):
        pkcs12.check(
            quick.build(STANDARD, secret), passphrase=secret, certificate=quick.certificate, key_sha256=other
        )


def test_a_truncated_container(quick, secret):
    container = quick.build(STANDARD, secret)
    with pytest.raises(ContainerError):
        quick.check(container[:-1], secret)


def test_trailing_bytes(quick, secret):
    with pytest.raises(ContainerError):
        quick.check(quick.build(STANDARD, secret) + b"\0", secret)


def test_no_mac(quick, secret):
    pfx = asn1_pkcs12.Pfx.load(quick.build(STANDARD, secret))
    stripped = asn1_pkcs12.Pfx({"version": "v3", "auth_safe": pfx["auth_safe"]}).dump()
    with pytest.raises(ContainerError):
        quick.check(stripped, secret)


def test_an_empty_passphrase_is_impossible(quick):
    with pytest.raises(ValueError, match="Password"):
        quick.build(STANDARD, "")


def test_errors_say_nothing_of_the_content(quick, secret):
    container = quick.build(STANDARD, secret)
    with pytest.raises(ContainerError) as caught:
        pkcs12.check(container, passphrase=secret, certificate=b"", key_sha256=b"")
    said = f"{caught.value!r} {caught.value.detail} {caught.value.__cause__!r}"
    assert secret not in said


# --- the key derivation


@pytest.mark.parametrize(
    ("purpose", "salt", "rounds", "password", "length"),
    [
        (kdf.KEY, "0a58cf64530d823f", 1, "smeg", 24),
        (kdf.IV, "0a58cf64530d823f", 1, "smeg", 8),
        (kdf.KEY, "05dec959acff72f7", 1000, "queeg", 24),
        (kdf.MAC, "263216fcc2fab31c", 1000, "queeg", 20),
        (
            kdf.MAC,
            "263216fcc2fab31c",
            2048,
            "a passphrase that is longer than a block of 64 octets, well",
            20,
        ),
    ],
)
@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_kdf_agrees_with_openssl(purpose, salt, rounds, password, length, digest):
    derivation = Derivation(digest, bytes.fromhex(salt), rounds)
    derived = kdf.derive(password, derivation, purpose=purpose, length=length)
    assert derived == _openssl_kdf(password, derivation, purpose, length)


def _openssl_kdf(password: str, derivation: Derivation, purpose: int, length: int) -> bytes:
    bmp = (password.encode("utf-16-be") + b"\0\0").hex()
    options = {
        "digest": derivation.digest.upper(),
        "hexpass": bmp,
        "hexsalt": derivation.salt.hex(),
        "iter": derivation.iterations,
        "id": purpose,
    }
    arguments = [part for name, value in options.items() for part in ("-kdfopt", f"{name}:{value}")]
    command = ["openssl", "kdf", "-keylen", str(length), *arguments, "-binary", "PKCS12KDF"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_kdf_vector_of_rfc_7292_peers():
    """From the tests of BouncyCastle and of OpenSSL: pass phrase smeg, 1 iteration, key and IV of 3DES."""
    derivation = Derivation("sha1", bytes.fromhex("0A58CF64530D823F"), 1)
    key = kdf.derive("smeg", derivation, purpose=kdf.KEY, length=24)
    assert key.hex() == "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3"


# Salts of the certificates and of the key in files that gpgsm 2.4.7 said of: possibly bad passphrase given.
MISREAD = [
    ("6SZSQ-YDEW4-UFA45-EW6XE-A4WSC", "f2c9757960164b48", "96ab929c79a1e558"),
    ("2WU9V-WCLYC-ARCLA-SJQNL-XM2D3", "7fe50ade2532b3fd", "2050f9c8d7eb9f41"),
    ("53EJW-R7A7U-XQWL4-YQN4Z-4VU9L", "3f529af9989e5352", "530fb1495f839eb1"),
]


@pytest.mark.parametrize(("passphrase_of_then", "certificates", "key"), MISREAD)
def test_what_gpgsm_misreads_is_known_by_its_salts(passphrase_of_then, certificates, key):
    found = [
        kdf.has_short_number(
            passphrase_of_then, Derivation("sha1", bytes.fromhex(salt), 2_048), purpose=kdf.KEY
        )
        for salt in (certificates, key)
    ]
    assert sum(found) == 1


def test_no_compatible_container_is_misread_by_gpgsm(quick):
    """1 in 64 would be; 250 that are not come by chance once in 50 runs."""
    for _number in range(250):
        secret = passphrase.generate()
        found = pkcs12_reader.legacy_derivations(quick.build(COMPATIBLE, secret))
        kinds = [kdf.has_short_number(secret, each, purpose=kdf.KEY) for each in found]
        assert kinds == [False, False]


def test_certificates_of_the_material_are_as_they_should_be(quick):
    """The tests above would pass with a certificate of another key, if this did not hold."""
    certificate = x509.load_der_x509_certificate(quick.certificate)
    assert certificate.public_key() == quick.key.public_key()
