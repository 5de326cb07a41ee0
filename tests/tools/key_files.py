"""Keys on their way to a target, made in the test."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ca_bridge.keys.keys import PrivateKey
from identity_manager.targets.contract import KeyFile

ADDRESS, PASSPHRASE = "uma@corp.example.com", "ABCDE-FGHIJ-KLMNP"


def key_file(*, days: int = 300, passphrase: str = PASSPHRASE) -> KeyFile:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Uma")])
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=2),
        not_valid_after=now + timedelta(days=days),
    )
    certificate = builder.sign(key, hashes.SHA256())
    container = pkcs12.serialize_key_and_certificates(
        b"uma", key, certificate, None, BestAvailableEncryption(passphrase.encode())
    )
    return KeyFile(certificate.public_bytes(Encoding.DER), (), ADDRESS, container, passphrase)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@dataclass(frozen=True)
class Authority:
    """A certificate authority of two steps: root, and an issuing one below it."""

    root_key: PrivateKey
    root: x509.Certificate
    key: PrivateKey
    issuing: x509.Certificate

    @property
    def roots(self) -> tuple[bytes, ...]:
        return (self.root.public_bytes(Encoding.DER),)


def authority(*, name: str = "Corp", key: PrivateKey | None = None, is_ca: bool = True) -> Authority:
    """key: of the issuing one. is_ca: whether that one may issue at all."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = _signed(_builder(_name(f"{name} Root"), _name(f"{name} Root"), root_key), root_key, ca=True)
    own = key or ec.generate_private_key(ec.SECP256R1())
    issuing = _signed(_builder(_name(f"{name} Issuing"), root.subject, own), root_key, ca=is_ca)
    return Authority(root_key, root, own, issuing)


def mail_key_file(made_by: Authority, wanted: "MailKey | None" = None) -> KeyFile:
    """The key of a certificate for mail, with its issuing certificate authority."""
    said = wanted or MailKey()
    key = said.key or ec.generate_private_key(ec.SECP256R1())
    issuer = made_by.root if said.from_the_root else made_by.issuing
    builder = _builder(_name("Uma"), issuer.subject, key, days=said.days, since=said.since)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=said.non_repudiation,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=True,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(usage, critical=True)
    if said.purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([said.purpose]), critical=False)
    if said.address:
        names = x509.SubjectAlternativeName([x509.RFC822Name(said.address)])
        builder = builder.add_extension(names, critical=False)
    certificate = builder.sign(made_by.root_key if said.from_the_root else made_by.key, said.digest)
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


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, *, days: int = 900, since: int = 3
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=since),
        not_valid_after=now + timedelta(days=days),
    )


def _signed(builder: x509.CertificateBuilder, key: PrivateKey, *, ca: bool) -> x509.Certificate:
    constraints = x509.BasicConstraints(ca=ca, path_length=None)
    return builder.add_extension(constraints, critical=True).sign(key, hashes.SHA256())
