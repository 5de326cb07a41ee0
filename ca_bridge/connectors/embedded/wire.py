"""Certificates and CRLs that the embedded CA signs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    ExtensionOID,
    NameOID,
)

from ca_bridge.contract import RevocationReason

SID_EXTENSION_OID = x509.ObjectIdentifier("1.3.6.1.4.1.311.25.2")
ANY_POLICY = x509.ObjectIdentifier("2.5.29.32.0")
# Extensions copied from a request, and whether each is critical (RFC 5280 4.2.1); the CA sets all others.
_REQUESTED = {
    ExtensionOID.KEY_USAGE: True,
    ExtensionOID.EXTENDED_KEY_USAGE: False,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME: False,
    ExtensionOID.CERTIFICATE_POLICIES: False,
    SID_EXTENSION_OID: False,
}


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate of the CA, its key, and the name of the issuer in the directory."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    issuer: str


@dataclass(frozen=True, slots=True)
class Publication:
    """URLs of the certificate, the CRL and the OCSP responder of an issuer; empty: none."""

    certificate_url: str
    crl_url: str
    ocsp_url: str = ""


@dataclass(frozen=True, slots=True)
class ValidityPeriod:
    """Validity of a certificate or CRL."""

    start: datetime
    end: datetime


def end_entity(
    request: x509.CertificateSigningRequest,
    *,
    signer: Signer,
    period: ValidityPeriod,
    publication: Publication,
) -> x509.Certificate:
    """The certificate for a CSR: its subject, its key, and the listed ones of its extensions."""
    builder = _builder(request.subject, request.public_key(), signer.certificate.subject, period)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    for extension in request.extensions:
        if extension.oid in _REQUESTED:
            builder = builder.add_extension(extension.value, critical=_REQUESTED[extension.oid])
    return _issued(builder, signer, publication)


def root(name: x509.Name, *, key: rsa.RSAPrivateKey, period: ValidityPeriod) -> x509.Certificate:
    """Return a self-signed certificate."""
    builder = _builder(name, key.public_key(), name, period)
    builder = _ca_extensions(builder, path_length=None)
    return builder.sign(key, hashes.SHA256())


def issuing(
    name: x509.Name,
    public_key: rsa.RSAPublicKey,
    *,
    signer: Signer,
    period: ValidityPeriod,
    publication: Publication,
) -> x509.Certificate:
    """Return the certificate of a CA that may sign for persons only."""
    builder = _builder(name, public_key, signer.certificate.subject, period)
    builder = _ca_extensions(builder, path_length=0)
    policies = x509.CertificatePolicies([x509.PolicyInformation(ANY_POLICY, None)])
    return _issued(builder.add_extension(policies, critical=False), signer, publication)


def ca_request(name: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateSigningRequest:
    """Return a request for the certificate of a CA that may sign for persons only."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    for extension in _ca_values(path_length=0):
        builder = builder.add_extension(extension, critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256())


def ca_name(organisation: str, common_name: str) -> x509.Name:
    """Return the subject of a CA."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(
    subject: x509.Name, public_key: CertificatePublicKeyTypes, issuer: x509.Name, period: ValidityPeriod
) -> x509.CertificateBuilder:
    """A builder with 159 random bits of serial number: unpredictable and positive (RFC 5280 4.1.2.2)."""
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .not_valid_before(period.start)
        .not_valid_after(period.end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def ocsp_signer(
    name: x509.Name, public_key: rsa.RSAPublicKey, *, signer: Signer, period: ValidityPeriod
) -> x509.Certificate:
    """The certificate of a delegated OCSP signer (RFC 6960 4.2.2.2).

    It is not checked for revocation (4.2.2.2.1), so it has no CRL URL and a short validity.
    """
    builder = _builder(name, public_key, signer.certificate.subject, period)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(digital_signature=True), critical=True)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
    builder = builder.add_extension(purpose, critical=False).add_extension(x509.OCSPNoCheck(), critical=False)
    return _signed(builder, signer)


def _ca_extensions(builder: x509.CertificateBuilder, *, path_length: int | None) -> x509.CertificateBuilder:
    for extension in _ca_values(path_length=path_length):
        builder = builder.add_extension(extension, critical=True)
    return builder


def _ca_values(*, path_length: int | None) -> tuple[x509.BasicConstraints, x509.KeyUsage]:
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    return constraints, _usage(key_cert_sign=True, crl_sign=True)


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _issued(builder: x509.CertificateBuilder, signer: Signer, publication: Publication) -> x509.Certificate:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(publication.crl_url)], None, None, None)
    return _signed(
        builder.add_extension(_access(publication), critical=False).add_extension(
            x509.CRLDistributionPoints([point]), critical=False
        ),
        signer,
    )


def _access(publication: Publication) -> x509.AuthorityInformationAccess:
    methods = {
        AuthorityInformationAccessOID.OCSP: publication.ocsp_url,
        AuthorityInformationAccessOID.CA_ISSUERS: publication.certificate_url,
    }
    return x509.AuthorityInformationAccess(
        x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
        for method, url in methods.items()
        if url
    )


def _signed(builder: x509.CertificateBuilder, signer: Signer) -> x509.Certificate:
    return builder.add_extension(_authority_key(signer), critical=False).sign(signer.key, hashes.SHA256())


def _authority_key(signer: Signer) -> x509.AuthorityKeyIdentifier:
    identifier = signer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)


@dataclass(frozen=True, slots=True)
class Revoked:
    """One entry of a CRL."""

    serial: int
    at: datetime
    reason: RevocationReason


def crl(
    signer: Signer, *, number: int, period: ValidityPeriod, entries: Iterable[Revoked]
) -> x509.CertificateRevocationList:
    """Return a CRL (RFC 5280 5): version 2, numbered, with the reason of each revocation.

    All entries are given at once: `add_revoked_certificate` copies those before it each time.
    """
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=signer.certificate.subject,
        last_update=period.start,
        next_update=period.end,
        revoked_certificates=[_crl_entry(entry) for entry in entries],
    )
    return (
        builder.add_extension(_authority_key(signer), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
        .sign(signer.key, hashes.SHA256())
    )


# RFC 5280 5.3.1: the reason unspecified is said by leaving the extension out.
_REASONS: dict[RevocationReason, x509.CRLReason] = {
    reason: x509.CRLReason(x509.ReasonFlags(reason.value))
    for reason in RevocationReason
    if reason is not RevocationReason.UNSPECIFIED
}


def _crl_entry(entry: Revoked) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.at)
    reason = _REASONS.get(entry.reason)
    return (builder.add_extension(reason, critical=False) if reason else builder).build()
