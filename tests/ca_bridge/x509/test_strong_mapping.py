"""Values of altSecurityIdentities: the two strong forms, as Windows writes them."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from ca_bridge.x509 import strong_mapping

ISSUER = (
    (NameOID.DOMAIN_COMPONENT, "com"),
    (NameOID.DOMAIN_COMPONENT, "contoso"),
    (NameOID.COMMON_NAME, "CONTOSO-DC-CA"),
)


def made(
    serial: int, issuer: tuple[tuple[x509.ObjectIdentifier, str], ...] = ISSUER, *, ski: bool = True
) -> x509.Certificate:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .issuer_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in issuer]))
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Jane")]))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    if ski:
        builder = builder.add_extension(x509.SubjectKeyIdentifier(bytes.fromhex("040502C8")), critical=False)
    return builder.sign(key, SHA256())


def test_the_example_of_microsoft() -> None:
    """KB5014754: serial 2B0000000011AC0000000012, as certutil shows it."""
    found = strong_mapping.by_issuer_and_serial(made(0x2B0000000011AC0000000012))
    assert found == "X509:<I>DC=com,DC=contoso,CN=CONTOSO-DC-CA<SR>1200000000ac11000000002b"


@pytest.mark.parametrize(
    ("serial", "octets"), [(0x80, "8000"), (0x7F, "7f"), (0x0102, "0201"), (0xC3DB, "dbc300")]
)
def test_the_serial_number_has_its_octets_of_der_reversed(serial: int, octets: str) -> None:
    """With the zero octet that keeps it positive (X.690 8.3.2)."""
    assert strong_mapping.by_issuer_and_serial(made(serial)).endswith(f"<SR>{octets}")


def test_the_issuer_stands_in_the_order_of_the_certificate_quoted_where_it_has_to_be() -> None:
    issuer = (
        (NameOID.ORGANIZATION_NAME, 'Example, "Inc."'),
        (NameOID.ORGANIZATION_IDENTIFIER, "NTRDE-1"),
        (NameOID.COMMON_NAME, "Person CA"),
    )
    found = strong_mapping.by_issuer_and_serial(made(1, issuer))
    assert found == 'X509:<I>O="Example, ""Inc.""",OID.2.5.4.97=NTRDE-1,CN=Person CA<SR>01'


def test_the_key_identifier_is_in_lower_case() -> None:
    assert strong_mapping.by_key_identifier(made(1)) == "X509:<SKI>040502c8"
    assert strong_mapping.by_key_identifier(made(1, ski=False)) == ""
