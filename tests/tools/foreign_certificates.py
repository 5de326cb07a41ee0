"""Certificates in DER, made in the test: for directories, which look at their bytes, issuer and serial."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

ISSUER = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Person CA")])


def certificate(serial: int) -> bytes:
    """One with this serial number; another call gives a twin, with other bytes."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=ISSUER,
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Pia Falk")]),
        public_key=key.public_key(),
        serial_number=serial,
        not_valid_before=now,
        not_valid_after=now + timedelta(days=30),
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
