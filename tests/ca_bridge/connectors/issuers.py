"""Keys and certificates of the CAs and servers that run beside the tests."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def _usage(*, signs: bool = False, issues: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )


class TestCa:
    """A root that signs its own servers' certificates, with both in a folder as PEM."""

    __test__ = False

    def __init__(self, name: str, folder: Path) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.folder = folder
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = _signed(self.name, self.name, self.key, self.key, ca=True)
        self.file("ca.pem", self.certificate.public_bytes(Encoding.PEM))
        self.file("ca.key", _pem(self.key))

    def file(self, name: str, content: bytes | str) -> str:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o600)
        return str(path)

    def identity(
        self, name: str, *, server: bool = False, signs: bool = False, ca: bool = False
    ) -> tuple[str, str]:
        """Certificate and key, as files, of a TLS server on this machine, or of a client; the root's follows.

        signs: whether its key usage says that it signs.  ca: whether it is a CA below the root.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = _signed(subject, self.name, key, self.key, server=server, signs=signs, ca=ca)
        pem = certificate.public_bytes(Encoding.PEM) + self.certificate.public_bytes(Encoding.PEM)
        return self.file(f"{name}.pem", pem), self.file(f"{name}.key", _pem(key))


def _authority_key(issuing: Key) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing.public_key())


def _pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    issuing: Key,
    *,
    ca: bool = False,
    server: bool = False,
    signs: bool = False,
    extra: x509.ExtensionType | None = None,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650 if ca else 365))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing.public_key()), critical=False
        )
    )
    if ca or signs:
        builder = builder.add_extension(_usage(signs=signs, issues=ca), critical=True)
    if extra:
        builder = builder.add_extension(extra, critical=False)
    if server:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuing, hashes.SHA256())
