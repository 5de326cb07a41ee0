"""Certificate revocation lists (RFC 5280 5): parsing, and verification of the issuer's signature."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django.utils import timezone

from ca_bridge.x509.der import MALFORMED, extension

_HTTP = ("http://", "https://")


class CrlFault(StrEnum):
    """Fault because of which a CRL could not be read or verified."""

    NO_ADDRESS = "no-address"
    UNREACHABLE = "unreachable"
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"
    NOT_BY_ISSUER = "not-by-issuer"
    OUTDATED = "outdated"
    NOT_CONNECTED = "not-connected"


class CrlError(Exception):
    """A CRL cannot be read or verified; detail: for operators."""

    def __init__(self, fault: CrlFault, detail: str = "") -> None:
        super().__init__(fault.value)
        self.fault, self.detail = fault, detail


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """A verified CRL: the serial numbers on it, and its validity."""

    serials: frozenset[int]
    this_update: datetime
    next_update: datetime | None


def addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """The http(s) URLs of the certificate's distribution points that hold a complete CRL of its issuer.

    RFC 5280 4.2.1.13: a point with reasons covers those alone, and one with crlIssuer is another's CRL.
    """
    try:
        points = extension(certificate.extensions, x509.CRLDistributionPoints) or ()
    except MALFORMED:
        return ()
    names = [
        name.value
        for point in points
        if not point.reasons and not point.crl_issuer
        for name in point.full_name or ()
        if isinstance(name, x509.UniformResourceIdentifier)
    ]
    return tuple(each for each in names if each.lower().startswith(_HTTP))


def verified(der: bytes, *, of: x509.Certificate, issuers: Iterable[x509.Certificate]) -> RevocationList:
    """Parse and verify the CRL (DER) of this certificate's issuer. Raises CrlError.

    issuers: CA certificates that are trusted for this certificate (RFC 5280 6.3.3 f, g).
    """
    try:
        found = x509.load_der_x509_crl(der)
        _check_kind(found)
        named = found.issuer
        serials = frozenset(entry.serial_number for entry in found)
    except MALFORMED as error:
        raise CrlError(CrlFault.UNREADABLE, str(error)) from error
    signers = [each for each in issuers if each.subject == of.issuer and _may_sign(each)]
    if named != of.issuer or not any(_is_signed(found, each) for each in signers):
        raise CrlError(CrlFault.NOT_BY_ISSUER, named.rfc4514_string())
    now = timezone.now()
    if found.last_update_utc > now or (found.next_update_utc is not None and found.next_update_utc < now):
        raise CrlError(CrlFault.OUTDATED, f"{found.last_update_utc} to {found.next_update_utc}")
    return RevocationList(serials, found.last_update_utc, found.next_update_utc)


def _check_kind(found: x509.CertificateRevocationList) -> None:
    """Refuse delta and indirect CRLs: a serial number on them may not be this issuer's, or not revoked."""
    point = extension(found.extensions, x509.IssuingDistributionPoint)
    if extension(found.extensions, x509.DeltaCRLIndicator) is not None or (point and point.indirect_crl):
        raise CrlError(CrlFault.UNREADABLE, "a delta CRL, or an indirect one")


def _may_sign(issuer: x509.Certificate) -> bool:
    """KeyUsage cRLSign (RFC 5280 4.2.1.3), where there is a KeyUsage."""
    try:
        usage = extension(issuer.extensions, x509.KeyUsage)
    except MALFORMED:
        return False
    return usage is None or usage.crl_sign


def _is_signed(found: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # TypeError for others
    except (InvalidSignature, UnsupportedAlgorithm, *MALFORMED):
        return False
