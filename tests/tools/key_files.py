"""Keys on their way to a target, made in the test."""

from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca_bridge.keys.keys import PrivateKey
from identity_manager.targets.contract import KeyFile
from tests.tools.x509 import constraints, issued, named, usage

ADDRESS, PASSPHRASE = "uma@corp.example.com", "ABCDE-FGHIJ-KLMNP"


def key_file(*, days: int = 300, passphrase: str = PASSPHRASE) -> KeyFile:
    key, name = ec.generate_private_key(ec.SECP256R1()), named("Uma")
    certificate = issued(name, key.public_key(), (name, key), since=2, until=days)
    container = pkcs12.serialize_key_and_certificates(
        b"uma", key, certificate, None, BestAvailableEncryption(passphrase.encode())
    )
    return KeyFile(certificate.public_bytes(Encoding.DER), (), ADDRESS, container, passphrase)


@dataclass(frozen=True)
class Authority:
    """A certificate authority of two steps: root, and an issuing one below it."""

    root_key: PrivateKey
    root: x509.Certificate
    key: PrivateKey
    issuing: x509.Certificate

    @property
    def root_signer(self) -> tuple[x509.Name, PrivateKey]:
        return self.root.subject, self.root_key

    @property
    def roots(self) -> tuple[bytes, ...]:
        return (self.root.public_bytes(Encoding.DER),)


def authority(*, name: str = "Corp", is_ca: bool = True) -> Authority:
    """is_ca: whether the issuing one may issue at all."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    by = (named(f"{name} Root"), root_key)
    root = _ca(by[0], root_key, by, is_ca=True)
    return Authority(root_key, root, key, _ca(named(f"{name} Issuing"), key, by, is_ca=is_ca))


def _ca(subject: x509.Name, key: Any, by: tuple[x509.Name, Any], *, is_ca: bool) -> x509.Certificate:
    extensions = [constraints(ca=is_ca)]
    return issued(subject, key.public_key(), by, since=3, until=900, extensions=extensions)


def mail_key_file(made_by: Authority, wanted: "MailKey | None" = None) -> KeyFile:
    """The key of a certificate for mail, with its issuing certificate authority."""
    said = wanted or MailKey()
    key = said.key or ec.generate_private_key(ec.SECP256R1())
    flags = ("digital_signature", "key_agreement", *["content_commitment"] * said.non_repudiation)
    extensions = [usage(*flags)]
    if said.purpose:
        extensions.append((x509.ExtendedKeyUsage([said.purpose]), False))
    if said.address:
        extensions.append((x509.SubjectAlternativeName([x509.RFC822Name(said.address)]), False))
    certificate = issued(
        named("Uma"),
        key.public_key(),
        made_by.root_signer if said.from_the_root else (made_by.issuing.subject, made_by.key),
        since=said.since,
        until=said.days,
        extensions=extensions,
        digest=said.digest,
    )
    chain = [] if said.from_the_root else [made_by.issuing]
    container = pkcs12.serialize_key_and_certificates(
        b"uma", key, certificate, chain, BestAvailableEncryption(PASSPHRASE.encode())
    )
    issuers = tuple(each.public_bytes(Encoding.DER) for each in chain)
    return KeyFile(certificate.public_bytes(Encoding.DER), issuers, said.address, container, PASSPHRASE)


@dataclass(frozen=True)
class MailKey:
    """What is out of the ordinary in a certificate. since: days ago from which it is valid."""

    address: str = ADDRESS
    days: int = 300
    since: int = 2
    key: PrivateKey | None = None
    purpose: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.EMAIL_PROTECTION
    digest: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)
    non_repudiation: bool = False
    from_the_root: bool = False
