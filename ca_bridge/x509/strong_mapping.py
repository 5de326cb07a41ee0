"""Values of altSecurityIdentities by which Active Directory maps one certificate to an account.

Only the two strong forms that identify one certificate (KB5014754): X509:<SKI> and X509:<I>..<SR>. Mappings
by name, mail address or hash of the public key are not written: they match other certificates, too, or
sources differ on their format.
"""

from collections.abc import Mapping

from cryptography import x509
from cryptography.x509.oid import NameOID

from ca_bridge.x509 import der

# As Windows writes X.500 names (CertNameToStr); other attributes stand as OID.1.2.3.
_NAMES: Mapping[x509.ObjectIdentifier, str] = {
    NameOID.COMMON_NAME: "CN",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "S",
    NameOID.COUNTRY_NAME: "C",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.EMAIL_ADDRESS: "E",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.TITLE: "T",
    NameOID.GIVEN_NAME: "G",
    NameOID.SURNAME: "SN",
}
_QUOTED = frozenset(',+="\n<>#;')


def of(certificate: bytes) -> tuple[str, ...]:
    """Every mapping of a certificate (DER)."""
    found = x509.load_der_x509_certificate(certificate)
    return tuple(filter(None, (by_issuer_and_serial(found), by_key_identifier(found))))


def by_issuer_and_serial(certificate: x509.Certificate) -> str:
    """X509:<I>ISSUER<SR>SERIAL: the issuer in the order of the certificate, the serial's octets reversed."""
    issuer = ",".join("+".join(map(_attribute, part)) for part in certificate.issuer.rdns)
    number = certificate.serial_number
    octets = number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)  # as in DER
    return f"X509:<I>{issuer}<SR>{octets[::-1].hex()}"


def by_key_identifier(certificate: x509.Certificate) -> str:
    """X509:<SKI>IDENTIFIER in lower case; empty for a certificate without the extension."""
    found = der.extension(certificate.extensions, x509.SubjectKeyIdentifier)
    return f"X509:<SKI>{found.digest.hex()}" if found else ""


def _attribute(attribute: x509.NameAttribute[str | bytes]) -> str:
    name = _NAMES.get(attribute.oid, f"OID.{attribute.oid.dotted_string}")
    value = str(attribute.value)
    if not _QUOTED.isdisjoint(value) or value != value.strip():
        value = '"{}"'.format(value.replace('"', '""'))
    return f"{name}={value}"
