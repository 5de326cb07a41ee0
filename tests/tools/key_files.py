"""Keys on their way to a target, made in the test."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import NameOID

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
