"""Containers (PKCS#12, RFC 7292): written, and verified by an independent reader."""

import secrets
from collections.abc import Sequence
from enum import StrEnum

from asn1crypto import pkcs12 as asn1_pkcs12
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    KeySerializationEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)
from django.conf import settings

from ca_bridge.keys.keys import PrivateKey, public_key_sha256, spki_sha256
from ca_bridge.pkcs12 import kdf, mac
from ca_bridge.pkcs12 import reader as pkcs12_reader
from ca_bridge.pkcs12.reader import Bag, ContainerError

__all__ = [
    "COMPATIBLE_ITERATIONS",
    "ContainerError",
    "ContainerFormat",
    "build",
    "check",
    "iterations",
    "written_formats",
]

COMPATIBLE_ITERATIONS = (
    2_048  # what the old clients have met in the field; the passphrase carries the strength
)
MAC_SALT_LENGTH = 16


class ContainerFormat(StrEnum):
    """standard: AES-256 and SHA-256. compatible: 3DES and SHA-1, for clients before about 2021.

    fips: as standard, with PBMAC1 (RFC 9879), whose key PBKDF2 derives; few clients read it.
    """

    STANDARD = "standard"
    COMPATIBLE = "compatible"
    FIPS = "fips"


def written_formats() -> tuple[ContainerFormat, ...]:
    """The formats in which each certificate is written; fips only where the setting says so."""
    usual = (ContainerFormat.STANDARD, ContainerFormat.COMPATIBLE)
    return (*usual, ContainerFormat.FIPS) if settings.CONTAINER_FIPS else usual


def build(
    *,
    key: PrivateKey,
    certificate: bytes,
    chain: Sequence[bytes],
    friendly_name: str,
    passphrase: str,
    format: ContainerFormat,  # noqa: A002 - the field's word
) -> bytes:
    """Return the container (DER) with the key, its certificate and its issuers without the root.

    friendly_name must be unique for each certificate: Java's keytool overwrites equal ones.
    """

    def serialized() -> bytes:
        return pkcs12.serialize_key_and_certificates(
            friendly_name.encode(),
            key,
            x509.load_der_x509_certificate(certificate),
            [x509.load_der_x509_certificate(each) for each in chain],
            _encryption(format, passphrase),
        )

    container = serialized()
    if format is not ContainerFormat.COMPATIBLE:
        return _with_mac(container, passphrase, format)
    while _is_misread(container, passphrase):  # 1 in 64, as the salts fall
        container = serialized()
    return container


def _is_misread(container: bytes, passphrase: str) -> bool:
    """Whether gpgsm would refuse the passphrase, for the salts of this container."""
    return any(
        kdf.has_short_number(passphrase, derivation, purpose=kdf.KEY)
        for derivation in pkcs12_reader.legacy_derivations(container)
    )


def _encryption(container_format: ContainerFormat, passphrase: str) -> KeySerializationEncryption:
    builder = PrivateFormat.PKCS12.encryption_builder()
    if container_format is not ContainerFormat.COMPATIBLE:
        builder = (
            builder.kdf_rounds(settings.CONTAINER_STANDARD_ITERATIONS)
            .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
            .hmac_hash(hashes.SHA256())
        )
    else:
        builder = (
            builder.kdf_rounds(COMPATIBLE_ITERATIONS)
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(hashes.SHA1())  # noqa: S303 - the only MAC that the old clients know
        )
    return builder.build(passphrase.encode())


def _with_mac(container: bytes, passphrase: str, container_format: ContainerFormat) -> bytes:
    """Return the container under the MAC of its format, with the iterations of the setting.

    `cryptography` always writes the classic one with 2,048.
    """
    pfx = asn1_pkcs12.Pfx.load(container, strict=True)
    salt, rounds = secrets.token_bytes(MAC_SALT_LENGTH), settings.CONTAINER_STANDARD_ITERATIONS
    make = mac.pbmac1 if container_format is ContainerFormat.FIPS else mac.classic
    pfx["mac_data"] = make(pfx["auth_safe"]["content"].native, passphrase, salt=salt, rounds=rounds)
    return bytes(pfx.dump())


def check(container: bytes, *, passphrase: str, certificate: bytes, key_sha256: bytes) -> None:
    """Verify a container, opened with the passphrase as its owner will.

    MAC and encryption open with the passphrase; there is exactly one key, and its public half verifies its
    signature; that half is the certificate's and has the SHA-256 key_sha256; localKeyId links the two.
    Raises ContainerError, which says nothing of the content.
    """
    bags = pkcs12_reader.read(container, passphrase)
    keys = [bag for bag in bags if bag.kind == "key"]
    if len(keys) != 1:
        raise ContainerError("The container does not hold exactly one key.")
    own = [bag for bag in bags if bag.kind == "cert" and bag.local_key_id == keys[0].local_key_id]
    if keys[0].local_key_id is None or len(own) != 1 or own[0].der != certificate:
        raise ContainerError("The container does not tie the key to the certificate.")
    public_key = x509.load_der_x509_certificate(certificate).public_key()
    private_key = _load(keys[0])
    if not public_key_sha256(private_key) == spki_sha256(public_key) == key_sha256:
        raise ContainerError("The key in the container is not the certificate's.")
    _prove(private_key)


def _load(bag: Bag) -> PrivateKey:
    """Load without OpenSSL's RSA check (87 ms): a signature and its verification prove it in 0.5 ms."""
    try:
        key = load_der_private_key(bag.der, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        raise ContainerError("The key in the container cannot be read.") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ContainerError("The key in the container is of an unexpected kind.")
    return key


def _prove(key: PrivateKey) -> None:
    challenge = secrets.token_bytes(32)
    try:
        if isinstance(key, rsa.RSAPrivateKey):
            signature = key.sign(challenge, padding.PKCS1v15(), hashes.SHA256())
            key.public_key().verify(signature, challenge, padding.PKCS1v15(), hashes.SHA256())
        else:
            signature = key.sign(challenge, ec.ECDSA(hashes.SHA256()))
            key.public_key().verify(signature, challenge, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        raise ContainerError("The key in the container does not work.") from None


def iterations(container: bytes) -> tuple[int, int]:
    """Return the iterations of encryption (the smallest of them) and MAC, for tests and operators."""
    try:
        return min(pkcs12_reader.pbe_iterations(container)), pkcs12_reader.mac_iterations(container)
    except (ValueError, TypeError, KeyError) as error:
        raise ContainerError("The container cannot be read.", type(error).__name__) from None
