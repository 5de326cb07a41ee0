"""Certificates that the tests sign themselves: what stands in each is said where it is made."""

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

SHA256 = hashes.SHA256()
Extension = tuple[x509.ExtensionType, bool]  # and whether it is critical
USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def issued(
    subject: x509.Name,
    key: Any,
    issuer: tuple[x509.Name, Any],
    *,
    since: datetime | float = 1,
    until: datetime | float = 365,
    serial: int | None = None,
    extensions: Iterable[Extension] = (),
    digest: hashes.HashAlgorithm = SHA256,
) -> x509.Certificate:
    """A certificate for a public key, signed with the private one of the issuer, with these extensions alone.

    since, until: moments, or days before and after now. serial: a random number where none is given.
    """
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0])
        .public_key(key)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(since if isinstance(since, datetime) else now - timedelta(days=since))
        .not_valid_after(until if isinstance(until, datetime) else now + timedelta(days=until))
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(issuer[1], digest)


def person_certificate(serial: int) -> bytes:
    """In DER, for directories, which look at bytes, issuer and serial; another call gives a twin."""
    key = ec.generate_private_key(ec.SECP256R1())
    by = (named("Person CA"), key)
    made = issued(named("Pia Falk"), key.public_key(), by, since=0, until=30, serial=serial)
    return made.public_bytes(Encoding.DER)


def named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def constraints(*, ca: bool, path_length: int | None = None) -> Extension:
    return x509.BasicConstraints(ca=ca, path_length=path_length), True


def usage(*names: str) -> Extension:
    return x509.KeyUsage(**{each: each in names for each in USAGES}), True


def key_id(key: Any) -> Extension:
    """Of the certificate's own public key."""
    return x509.SubjectKeyIdentifier.from_public_key(key), False


def issuer_id(key: Any) -> Extension:
    """Of the issuer's public key."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key), False


def hosts(*names: str) -> Extension:
    """The names of a server; an address is one, as clients look for none among names."""
    return x509.SubjectAlternativeName([_host(each) for each in names]), False


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def key_pem(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
