"""Parsing of certificates into displayable facts."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import core
from cryptography import x509

from ca_bridge.errors import CaError
from ca_bridge.keys.keys import spki_sha256
from ca_bridge.x509.der import MALFORMED
from ca_bridge.x509.names import ATTRIBUTE_TYPES
from ca_bridge.x509.subject_alt_names import UPN_OID

# RFC 4514 names nine attributes only; others would be shown as object identifiers.
_RFC_4514 = {
    "commonName",
    "localityName",
    "stateOrProvinceName",
    "organizationName",
    "organizationalUnitName",
    "countryName",
    "userId",
}
_LONG_NAMES = {kind.oid: name for name, kind in ATTRIBUTE_TYPES.items() if name not in _RFC_4514}


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """Facts of a certificate, in forms that can be shown.

    serial_hex has no sign and an even number of digits; fingerprints are lower-case hexadecimal;
    subject_alt_names are pairs of a kind (email, upn, uri, other) and a value.
    """

    serial: int
    serial_hex: str
    issuer: str
    subject: str
    not_before: datetime
    not_after: datetime
    sha256_fingerprint: str
    public_key_sha256: bytes
    subject_alt_names: tuple[tuple[str, str], ...]


def common_name(distinguished_name: str) -> str:
    """Return the CN of a name as CertificateFacts writes it; the whole name without a CN, or if malformed.

    `cryptography` refuses names longer than its limits, which count octets; other CAs may issue them.
    """
    try:
        name = x509.Name.from_rfc4514_string(
            distinguished_name, {name: identifier for identifier, name in _LONG_NAMES.items()}
        )
    except ValueError:
        return distinguished_name
    found = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else distinguished_name


def load(der: bytes) -> x509.Certificate:
    """Parse a certificate (DER). Raises CaError, permanent, if it is none."""
    try:
        return x509.load_der_x509_certificate(der)
    except MALFORMED as error:
        raise CaError("This is not a certificate.", str(error), permanent=True) from error


def describe(der: bytes) -> CertificateFacts:
    """Return the facts of a certificate (DER). Raises CaError, permanent, if it is none or malformed."""
    try:
        return _facts(load(der), der)
    except MALFORMED as error:
        raise CaError("This certificate is malformed.", str(error), permanent=True) from error


def _facts(certificate: x509.Certificate, der: bytes) -> CertificateFacts:
    return CertificateFacts(
        serial=certificate.serial_number,
        serial_hex=serial_hex(certificate.serial_number),
        issuer=certificate.issuer.rfc4514_string(_LONG_NAMES),
        subject=certificate.subject.rfc4514_string(_LONG_NAMES),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        sha256_fingerprint=hashlib.sha256(der).hexdigest(),
        public_key_sha256=spki_sha256(certificate.public_key()),
        subject_alt_names=_alternative_names(certificate),
    )


def serial_hex(serial: int) -> str:
    """Return a serial number as openssl prints it, in lower case: whole octets, no separators."""
    digits = f"{serial:x}"
    return digits.zfill(len(digits) + len(digits) % 2)


def _alternative_names(certificate: x509.Certificate) -> tuple[tuple[str, str], ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(_shown(name) for name in found.value)


def _shown(name: x509.GeneralName) -> tuple[str, str]:
    if isinstance(name, x509.RFC822Name):
        return "email", name.value
    if isinstance(name, x509.UniformResourceIdentifier):
        return "uri", name.value
    if isinstance(name, x509.OtherName) and name.type_id == UPN_OID:
        return "upn", str(core.load(name.value).native or "")
    return "other", str(name.value)


def policies(der: bytes) -> tuple[str, ...]:
    """Return the object identifiers of the policies that a certificate names. Raises CaError, permanent."""
    try:
        found = load(der).extensions.get_extension_for_class(x509.CertificatePolicies)
    except x509.ExtensionNotFound:
        return ()
    except MALFORMED as error:
        raise CaError("This certificate is malformed.", str(error), permanent=True) from error
    return tuple(policy.policy_identifier.dotted_string for policy in found.value)


def names_itself(der: bytes) -> bool:
    """Whether it is a self-issued certificate (DER), as der.is_self_issued(); False if it does not parse."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        return certificate.issuer == certificate.subject
    except MALFORMED:
        return False
