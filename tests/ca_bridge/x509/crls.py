"""CRLs and certificates of a CA of the tests, as a distribution point has them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.tools.http_server import Handler, serving


class CrlCa:
    """A CA with one key, which issues certificates that name an address, and signs CRLs."""

    def __init__(self, name: str = "Elsewhere CA", *, signs_crls: bool = True) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        usage = [False] * 9
        usage[5], usage[6] = True, signs_crls  # keyCertSign, cRLSign
        self.certificate = (
            self._builder(self.name, self.key.public_key())
            .add_extension(x509.KeyUsage(*usage), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
        )

    def leaf(self, *addresses: str) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Somebody")])
        builder = self._builder(subject, ec.generate_private_key(ec.SECP256R1()).public_key())
        if addresses:
            names = [x509.UniformResourceIdentifier(each) for each in addresses]
            points = [x509.DistributionPoint(names, None, None, None)]
            builder = builder.add_extension(x509.CRLDistributionPoints(points), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def crl(
        self,
        serials: Iterable[int] = (),
        *,
        since: timedelta = timedelta(hours=-1),
        until: timedelta = timedelta(days=7),
        extra: x509.ExtensionType | None = None,
    ) -> bytes:
        now = datetime.now(UTC)
        entries = [
            x509.RevokedCertificateBuilder().serial_number(each).revocation_date(now).build()
            for each in serials
        ]
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(now + since)
            .next_update(now + until)
        )
        for entry in entries:
            builder = builder.add_revoked_certificate(entry)
        if extra is not None:
            builder = builder.add_extension(extra, critical=True)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


@contextmanager
def distribution_point(pages: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Yield the URL of a web server that has these pages, and what it is asked for. "/away" redirects."""
    asked: list[str] = []

    class Pages(Handler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status = 302 if self.path == "/away" else 200 if self.path in pages else 404
            self.answer(status, pages.get(self.path, b""), Location="/list.crl")

    with serving(Pages) as port:
        yield f"http://127.0.0.1:{port}", asked
