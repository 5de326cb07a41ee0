"""OCSP responses of the embedded CA (RFC 6960), from the register."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.ocsp import (
    OCSPCertStatus,
    OCSPRequest,
    OCSPResponderEncoding,
    OCSPResponseBuilder,
    load_der_ocsp_response,
)

from ca_bridge.connectors.embedded.crls import BACKDATING
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.connectors.embedded.wire import Revoked, Signer, ValidityPeriod
from ca_bridge.contract import RevocationReason

LIFETIME = timedelta(days=1)
UNKNOWN_LIFETIME = timedelta(minutes=5)  # a certificate that is unknown now may be issued soon


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """The status of one certificate in the register: unknown, good or revoked."""

    known: bool
    revoked: Revoked | None = None


def is_about(request: OCSPRequest, issuer: x509.Certificate) -> bool:
    """Whether the CertID of the request names this issuer, by name and key hash (RFC 6960 4.1.1).

    False for a hash algorithm that is unknown here.
    """
    try:
        algorithm = request.hash_algorithm
    except UnsupportedAlgorithm:
        return False
    named, keyed = (_digest(data, algorithm) for data in (issuer.subject.public_bytes(), _key_bits(issuer)))
    return (request.issuer_name_hash, request.issuer_key_hash) == (named, keyed)


def status(ca: str, issuer: str, serial: int) -> CertificateStatus:
    """The present status in the register of a certificate of this issuer."""
    rows = IssuedCertificate.objects.filter(ca=ca, serial_hex=f"{serial:x}", issuer=issuer)
    row = rows.only("revoked_at", "reason").first()
    if row is None or row.revoked_at is None:
        return CertificateStatus(known=row is not None)
    return CertificateStatus(
        known=True, revoked=Revoked(serial, row.revoked_at, RevocationReason(row.reason))
    )


def sign(request: OCSPRequest, found: CertificateStatus, signer: Signer, now: datetime) -> bytes:
    """Sign the response (DER) to a request, with the request's nonce (RFC 9654)."""
    builder = _single(request, found, _period(found, signer, now))
    builder = builder.responder_id(OCSPResponderEncoding.HASH, signer.certificate)
    builder = builder.certificates([signer.certificate])
    for extension in request.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            builder = builder.add_extension(extension.value, critical=False)
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def period_of(answer: bytes) -> ValidityPeriod:
    """thisUpdate and nextUpdate of a response that sign() made."""
    (single,) = load_der_ocsp_response(answer).responses
    end = single.next_update_utc or single.this_update_utc
    return ValidityPeriod(single.this_update_utc, end)


def _period(found: CertificateStatus, signer: Signer, now: datetime) -> ValidityPeriod:
    """The validity of a response, within that of its signer.

    A response from the future is unreliable (RFC 6960 4.2.2.1), so it is backdated, as CRLs are.
    """
    start, lifetime = (now - BACKDATING, LIFETIME) if found.known else (now, UNKNOWN_LIFETIME)
    return ValidityPeriod(start, min(start + lifetime, signer.certificate.not_valid_after_utc))


def _single(request: OCSPRequest, found: CertificateStatus, period: ValidityPeriod) -> OCSPResponseBuilder:
    return OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=request.issuer_name_hash,
        issuer_key_hash=request.issuer_key_hash,
        serial_number=request.serial_number,
        algorithm=request.hash_algorithm,
        cert_status=_word(found),
        this_update=period.start,
        next_update=period.end,
        revocation_time=found.revoked.at if found.revoked else None,
        revocation_reason=_reason(found.revoked) if found.revoked else None,
    )


def _word(found: CertificateStatus) -> OCSPCertStatus:
    if found.revoked:
        return OCSPCertStatus.REVOKED
    return OCSPCertStatus.GOOD if found.known else OCSPCertStatus.UNKNOWN


def _reason(revoked: Revoked) -> x509.ReasonFlags | None:
    """The revocation reason; left out where it is unspecified, as in a CRL (RFC 5280 5.3.1)."""
    if revoked.reason is RevocationReason.UNSPECIFIED:
        return None
    return x509.ReasonFlags(revoked.reason.value)


def _digest(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _key_bits(issuer: x509.Certificate) -> bytes:
    """The value of the BIT STRING subjectPublicKey; of an RSA key its PKCS#1."""
    key = issuer.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("the embedded CA signs with RSA")
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
