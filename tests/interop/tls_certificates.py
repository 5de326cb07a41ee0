"""Server certificates of the tests: right ones, and wrong ones of every kind."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.tools.x509 import constraints, hosts, issued, issuer_id, key_id, key_pem, named, usage

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """A CA of the test; what it signs is trusted by whoever trusts its certificate."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls, name: str = "Mail servers") -> "Authority":
        key, subject = ec.generate_private_key(ec.SECP256R1()), named(name)
        public = key.public_key()
        said = [key_id(public), constraints(ca=True, path_length=0), usage("key_cert_sign", "crl_sign")]
        return cls(issued(subject, public, (subject, key), since=29, until=1, extensions=said), key)

    def bundle(self, directory: Path) -> Path:
        """The file that a client trusts."""
        path = directory / "trusted.pem"
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return path

    def server(self, directory: Path, host: str, *, until: datetime | None = None) -> Path:
        """Key and certificate of a server of that name, in one file."""
        key, end = ec.generate_private_key(ec.SECP256R1()), until or datetime.now(UTC) + DAY
        certificate = issued(
            named(host),
            key.public_key(),
            (self.certificate.subject, self.key),
            since=end - 30 * DAY,
            until=end,
            extensions=[key_id(key.public_key()), hosts(host), issuer_id(self.key.public_key())],
        )
        path = directory / f"{host}-{certificate.serial_number}.pem"
        path.write_bytes(certificate.public_bytes(Encoding.PEM) + key_pem(key))
        return path


def certified(directory: Path, host: str) -> Path:
    """Key and certificate of a server of that name; whom its clients trust lies beside it as trusted.pem."""
    authority = Authority.make("Servers")
    authority.bundle(directory)
    return authority.server(directory, host)


def server_context(path: Path) -> ssl.SSLContext:
    """What a server speaks TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
